"""The dashboard: what people look at, from MySQL, MongoDB and the topics; it writes nothing."""
