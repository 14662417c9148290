"""What the clients' room announces."""

from django.dispatch import Signal

# Sent once inside `with client(...)` and inside the transaction that made the client, with `client: Client`:
# a receiver that fails undoes the client. The apps to the right fill the new schema here.
client_created = Signal()
