"""Which policies make an identity privileged: the AWS row of the table, with wildcards, NotAction and Deny."""

import pytest

from evidence.sources.aws import policies


def allow(action="*", resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action="*", resource="*", **more):
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def rights(*statements):
    return policies.rights(policies.statements({"Version": "2012-10-17", "Statement": list(statements)}))


PRIVILEGED = {
    "everything": [allow()],
    "everything in a list": [allow(["*"], ["*"])],
    "all of iam": [allow("iam:*")],
    "all of iam in capitals": [allow("IAM:*")],
    "all of organizations": [allow("organizations:*")],
    "all of kms": [allow("kms:*")],
    "any policy by wildcard": [allow("iam:Put*")],
    "any policy by question mark": [allow("iam:PutUserPolic?")],
    "attach": [allow("iam:AttachRolePolicy")],
    "a new version": [allow("iam:CreatePolicyVersion")],
    "an older version": [allow("iam:SetDefaultPolicyVersion")],
    "keys of others": [allow("iam:CreateAccessKey")],
    "keys of a path": [allow("iam:CreateAccessKey", "arn:aws:iam::1:user/ops/*")],
    "trust": [allow("iam:UpdateAssumeRolePolicy")],
    "any role passed": [allow("iam:PassRole")],
    "any role passed by ARN": [allow("iam:PassRole", "arn:aws:iam::*:role/*")],
    "any role of an account passed": [allow("iam:PassRole", "arn:aws:iam::111122223333:role/*")],
    "all but some services": [
        {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"}
    ],
    "all but something": [{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}],
    "everything but a resource": [
        {"Effect": "Allow", "Action": "iam:*", "NotResource": "arn:aws:iam::1:user/x"}
    ],
    "under a condition": [allow(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})],
    "denied under a condition": [allow(), deny(Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}})],
    "a part denied": [allow(), deny("s3:*")],
    "denied elsewhere": [
        allow("iam:CreateAccessKey"),
        deny("iam:CreateAccessKey", "arn:aws:iam::1:user/root"),
    ],
    "denied all but a few": [allow(), {"Effect": "Deny", "NotAction": ["iam:*"], "Resource": "*"}],
}

HARMLESS = {
    "nothing": [],
    "reading": [allow(["iam:Get*", "iam:List*", "s3:Get*", "ec2:Describe*"])],
    "all of a service": [allow("s3:*")],
    "all of iam on one user": [allow("iam:Get*", "arn:aws:iam::1:user/x")],
    "own keys": [allow("iam:CreateAccessKey", "arn:aws:iam::*:user/${aws:username}")],
    "one role passed": [allow("iam:PassRole", "arn:aws:iam::1:role/deploy")],
    "roles of a path passed": [allow("iam:PassRole", "arn:aws:iam::1:role/deploy-*")],
    "everything denied": [allow(), deny()],
    "that right denied": [allow("iam:CreateAccessKey"), deny("iam:CreateAccessKey")],
    "all of iam denied by wildcard": [allow("iam:Attach*"), deny("iam:*")],
    "all but reading denied": [
        allow("iam:Attach*"),
        {"Effect": "Deny", "NotAction": ["iam:Get*"], "Resource": "*"},
    ],
    "only a denial": [deny("s3:*")],
    "a broken statement": [{"Effect": "Allow"}],
    "no statement": ["text"],
}


@pytest.mark.parametrize("case", PRIVILEGED)
def test_privileged(case):
    assert rights(*PRIVILEGED[case])


@pytest.mark.parametrize("case", HARMLESS)
def test_not_privileged(case):
    assert not rights(*HARMLESS[case])


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*", "", True),
        ("", "", True),
        ("", "a", False),
        ("a*c", "abbc", True),
        ("a*c", "abbd", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("*a*b*", "xxaxxbxx", True),
        ("iam:put*policy", "iam:putuserpolicy", True),
        ("[a]*", "a", False),
        ("a**", "a", True),
    ],
)
def test_patterns(pattern, text, fits):
    assert policies.matches(pattern, text) is fits


def test_a_pattern_of_many_stars_stays_cheap():
    assert not policies.matches("*a" * 200 + "b", "a" * 5000)


def test_a_single_statement_needs_no_list():
    assert policies.rights(policies.statements({"Statement": allow()}))
    assert not policies.statements({})


@pytest.mark.parametrize("held", [None, 7, "", "[]", "{", []])
def test_an_unreadable_document_is_told(held):
    with pytest.raises(policies.UnreadablePolicy):
        policies.document(held)


def test_who_may_assume_a_role():
    def may(*statements):
        return policies.may_assume(
            policies.statements({"Statement": list(statements)}), "arn:aws:iam::1:role/admin"
        )

    assert may(allow("sts:AssumeRole"))
    assert may(allow("sts:*", "arn:aws:iam::1:role/*"))
    assert not may(allow("sts:AssumeRole", "arn:aws:iam::1:role/other"))
    assert not may(allow("sts:AssumeRole"), deny("sts:AssumeRole", "arn:aws:iam::1:role/admin"))
    assert not may(allow("s3:*"))


def test_a_trust_policy_says_who():
    found = policies.trust(
        {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": ["ec2.amazonaws.com"], "AWS": "arn:aws:iam::1:root"},
                },
                {"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::1:saml-provider/Okta"}},
                {"Effect": "Deny", "Principal": "*"},
            ]
        }
    )
    assert found == policies.Trust(("ec2.amazonaws.com",), True, False, ("arn:aws:iam::1:root",))
