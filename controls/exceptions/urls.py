"""The pages of exceptions."""

from django.urls import path

from controls.exceptions import views

urlpatterns = [
    path("exceptions/", views.exceptions, name="exceptions"),
    path("exceptions.csv", views.exceptions_csv, name="exceptions_csv"),
    path("exceptions/<str:number>/", views.exception, name="exception"),
    path("exceptions/<str:number>/triage/", views.triage, name="exception_triage"),
    path("exceptions/<str:number>/fix/", views.fix, name="exception_fix"),
    path("exceptions/<str:number>/retest/", views.retest, name="exception_retest"),
    path("exceptions/<str:number>/close/", views.close, name="exception_close"),
    path("exceptions/<str:number>/call-false/", views.call_false, name="exception_call_false"),
    path("exceptions/<str:number>/reopen/", views.reopen, name="exception_reopen"),
    path("exceptions/<str:number>/comment/", views.comment, name="exception_comment"),
]
