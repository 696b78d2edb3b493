// Starts `netspec lsp` and connects it to the editor's specs.

const { window, workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function activate() {
  const command = workspace.getConfiguration("netspec").get("command");
  const server = { command, args: ["lsp"] };
  client = new LanguageClient("netspec", "netspec", server, {
    documentSelector: [{ language: "netspec" }],
    synchronize: { fileEvents: workspace.createFileSystemWatcher("**/*.net") },
  });
  try {
    await client.start();
  } catch (error) {
    window.showErrorMessage(
      `Cannot start '${command} lsp': ${error.message}. Install it with pip install 'netspec-compiler[lsp]', ` +
        "or set netspec.command to its path.",
    );
  }
}

function deactivate() {
  return client?.isRunning() ? client.stop() : undefined;
}

module.exports = { activate, deactivate };
