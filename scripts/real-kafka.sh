#!/bin/sh
# Fetches Apache Kafka for the tests that run against a real broker (SOUFFLEUR_TEST_REAL=1).
#
#   scripts/real-kafka.sh DIR      puts the jars into DIR/lib; does nothing if they are there
#
# Needs mvn and a Java runtime (17 or later). About 45 MB; Apache License 2.0. The jars are started by the tests as a
# process of their own and are no part of the program.
set -eu

kafka=4.4.0
# Without a logging backend the broker would fail in silence.
slf4j=1.7.36

dir=${1:?usage: scripts/real-kafka.sh DIR}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
if [ -f "$dir/lib/complete-$kafka" ]; then
	exit 0
fi
for tool in mvn java; do
	if ! command -v "$tool" >/dev/null; then
		echo "real-kafka: $tool is not installed" >&2
		exit 1
	fi
done

# One fetch at a time per folder: test packages may start together.
exec 9>"$dir/fetch.lock"
if command -v flock >/dev/null; then
	flock 9
fi
if [ -f "$dir/lib/complete-$kafka" ]; then
	exit 0
fi

rm -rf "$dir/lib"
cat >"$dir/pom.xml" <<POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-dist</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$kafka</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>$slf4j</version></dependency>
  </dependencies>
</project>
POM
mvn -q -B -f "$dir/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dir/lib"
test -f "$dir/lib/kafka_2.13-$kafka.jar"
: >"$dir/lib/complete-$kafka"
