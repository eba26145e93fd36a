"""Takes sentences through translation: cuts a text, prepares, tries several ways, assembles."""
