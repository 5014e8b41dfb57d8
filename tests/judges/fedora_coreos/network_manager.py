# Reads a list of keyfiles from standard input and tells, for each, what NetworkManager complains of and what it would write itself.
import json
import sys

import gi

gi.require_version("NM", "1.0")
from gi.repository import GLib, NM


def judge(text):
    complaints = []

    def complain(_keyfile, _connection, _kind, data, _user):
        message, _severity = data.warn_get()
        complaints.append(message)
        return True

    try:
        keyfile = GLib.KeyFile()
        keyfile.load_from_data(text, len(text.encode()), GLib.KeyFileFlags.NONE)
        folder = "/etc/NetworkManager/system-connections"
        connection = NM.keyfile_read(keyfile, folder, NM.KeyfileHandlerFlags.NONE, complain, None)
        connection.normalize({})
        connection.verify()
        again = NM.keyfile_write(connection, NM.KeyfileHandlerFlags.NONE, None, None)
        return complaints, again.to_data()[0]
    except GLib.Error as error:
        return complaints + [error.message], ""


json.dump([judge(text) for text in json.load(sys.stdin)], sys.stdout)
