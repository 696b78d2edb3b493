"""Where pictures lie and how they are read: one file a source, and what several of them need."""
