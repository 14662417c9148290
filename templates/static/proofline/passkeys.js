/* Makes and uses a passkey: asks the browser with the options that the form carries, and sends what it answered. */
(() => {
  "use strict";

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const known = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const create = async (options) => {
    const made = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: known(options.excludeCredentials),
      },
    });
    return [made, { attestationObject: text(made.response.attestationObject) }];
  };

  const get = async (options) => {
    const used = await navigator.credentials.get({
      publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: known(options.allowCredentials) },
    });
    const { authenticatorData, signature, userHandle } = used.response;
    return [
      used,
      {
        authenticatorData: text(authenticatorData),
        signature: text(signature),
        userHandle: userHandle ? text(userHandle) : null,
      },
    ];
  };

  const WHY = {
    NotAllowedError: "It was canceled, took too long, or this device has no passkey for this host.",
    InvalidStateError: "This device has a passkey for this account already.",
    SecurityError: "The browser offers no passkeys at this address: it needs HTTPS and a host name.",
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = form.querySelector("button");
    const said = form.querySelector("[data-passkey-said]");
    if (!window.PublicKeyCredential) {
      said.textContent = "This browser offers no passkeys at this address: it needs HTTPS and a host name.";
      said.hidden = false;
      continue;
    }
    button.disabled = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      event.stopPropagation();
      said.hidden = true;
      button.disabled = true;
      try {
        const options = JSON.parse(form.dataset.options).publicKey;
        const [credential, response] = await (form.dataset.passkey === "create" ? create : get)(options);
        form.querySelector("[name=credential]").value = JSON.stringify({
          id: credential.id,
          rawId: text(credential.rawId),
          type: credential.type,
          authenticatorAttachment: credential.authenticatorAttachment,
          clientExtensionResults: credential.getClientExtensionResults(),
          response: { ...response, clientDataJSON: text(credential.response.clientDataJSON) },
        });
        form.submit();
      } catch (error) {
        said.textContent = WHY[error.name] || "The browser could not use a passkey. Try again, or use a code.";
        said.hidden = false;
        button.disabled = false;
      }
    });
  }
})();
