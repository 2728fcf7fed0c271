#!/bin/bash
# Apache Kafka from its jars, one node that is broker and controller, configured by the environment alone: a
# variable KAFKA_A_B is the property a.b, as in the usual image.
#   KAFKA_ADVERTISED_LISTENERS  PLAINTEXT://HOST:PORT that clients are sent to
#   KAFKA_CLUSTER_ID            22 letters; made up once when it is absent
#   KAFKA_HEAP                  of the Java machine (256m)
#   LOG_LEVEL                   WARN; INFO tells much
# Outside an image: DATA is the folder of its data, JARS that of its jars, JAVA_OPTIONS more words for the Java machine.
set -euo pipefail
data="${DATA:-/var/lib/kafka}"
mkdir -p "$data/logs"
properties="${DATA:-/tmp}/server.properties"
cat >"$properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:9093
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://:9092,CONTROLLER://localhost:9093
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$data/logs
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
CONF
while IFS='=' read -r name value; do
  case "$name" in
    KAFKA_CLUSTER_ID | KAFKA_HEAP) ;;
    KAFKA_*)
      key="$(echo "${name#KAFKA_}" | tr 'A-Z_' 'a-z.')"
      sed -i "/^${key//./\\.}=/d" "$properties"
      echo "$key=$value" >>"$properties"
      ;;
  esac
done < <(env)
log="${DATA:-/tmp}/log4j.properties"
cat >"$log" <<CONF
log4j.rootLogger=${LOG_LEVEL:-WARN}, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %p %m (%c)%n
CONF
# shellcheck disable=SC2206 # words
java=(java "-Xmx${KAFKA_HEAP:-256m}" -XX:+UseSerialGC "-Dlog4j.configuration=file:$log" "-Djava.io.tmpdir=${DATA:-/tmp}" ${JAVA_OPTIONS:-} -cp "${JARS:-/opt/kafka/libs}/*")
if [ ! -s "$data/logs/meta.properties" ]; then
  id="${KAFKA_CLUSTER_ID:-$("${java[@]}" kafka.tools.StorageTool random-uuid 2>/dev/null)}"
  "${java[@]}" kafka.tools.StorageTool format --ignore-formatted --cluster-id "$id" --config "$properties" >&2
fi
if [ "$#" -gt 0 ]; then # a tool of Kafka's: CLASS ARGUMENTS
  exec "${java[@]}" "$@"
fi
exec "${java[@]}" kafka.Kafka "$properties"
