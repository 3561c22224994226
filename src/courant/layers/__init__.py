"""How each layer stands, for `courant status`: read from logs and servers, without a JVM."""
