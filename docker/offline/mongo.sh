#!/bin/sh
# Starts the embedded stack's document store on all of the container's addresses.
set -eu
jars=$SPARK_HOME/jars
exec java -Xmx512m -XX:+UseSerialGC \
    -cp "$(echo "$jars"/janino-*.jar):$(echo "$jars"/commons-compiler-*.jar):/opt/courant/.jars/mongo/*" \
    org.codehaus.janino.SimpleCompiler src/courant/local/MongoMain.java MongoMain /data/db/store.mv 0.0.0.0 27017
