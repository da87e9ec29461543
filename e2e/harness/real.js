// A real Apache Kafka and a real S3 server (MinIO) of a test, as processes of their own with fresh data. The scripts in
// scripts/ fetch and build them.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository } from './places.js';
import { freePort, run, start, stop, until } from './processes.js';

const jars = join(repository, 'build/real/kafka/lib/*');
const minio = join(repository, 'build/real/bin/minio');
const access = 'testaccess';
const secret = 'testsecret123';

/** Starts both; `env` points Souffleur at them. */
export async function realServers(results) {
  const folder = await mkdtemp(join(tmpdir(), 'souffleur-real-'));
  const [kafkaPort, controllerPort, s3Port] = [await freePort(), await freePort(), await freePort()];
  const kafka = await startKafka(folder, kafkaPort, controllerPort, join(results, 'kafka.log'));
  const s3 = startMinIO(folder, s3Port, join(results, 'minio.log'));
  const servers = {
    env: {
      KAFKA_BROKERS: `127.0.0.1:${kafkaPort}`,
      S3_ENDPOINT: `127.0.0.1:${s3Port}`,
      S3_ACCESS_KEY: access,
      S3_SECRET_KEY: secret,
    },
    async stop() {
      await Promise.all([stop(kafka), stop(s3)]);
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await until('Kafka listens', () => listens(kafkaPort), 60_000);
    await until('MinIO is live', () => live(s3Port), 30_000);
    return servers;
  } catch (e) {
    await servers.stop();
    throw e;
  }
}

async function startKafka(folder, port, controllerPort, log) {
  const properties = join(folder, 'server.properties');
  await writeFile(properties, kafkaProperties(join(folder, 'kafka'), port, controllerPort));
  const tool = ['-cp', jars, 'kafka.tools.StorageTool'];
  const id = (await run('java', [...tool, 'random-uuid'])).trim();
  await run('java', [...tool, 'format', '--standalone', '-t', id, '-c', properties]);
  const jvm = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
  const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
  return start('java', [...jvm, quiet, '-cp', jars, 'kafka.Kafka', properties], { log });
}

function kafkaProperties(data, port, controllerPort) {
  const internal = ['offsets.topic', 'transaction.state.log', 'share.coordinator.state.topic'];
  const each = (setting, of = internal) => of.map((topic) => `${topic}.${setting}`);
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}`,
    'controller.listener.names=CONTROLLER',
    `log.dirs=${data}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    'auto.create.topics.enable=false',
    'group.initial.rebalance.delay.ms=0',
    ...each('replication.factor=1'),
    ...each('min.isr=1', internal.slice(1)),
    ...each('num.partitions=4'),
    '',
  ].join('\n');
}

function startMinIO(folder, port, log) {
  const env = { MINIO_ROOT_USER: access, MINIO_ROOT_PASSWORD: secret, MINIO_BROWSER: 'off', MINIO_UPDATE: 'off' };
  return start(minio, ['server', '--quiet', '--address', `127.0.0.1:${port}`, join(folder, 's3')], { log, env });
}

async function listens(port) {
  const socket = createConnection(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function live(port) {
  return fetch(`http://127.0.0.1:${port}/minio/health/live`).then((r) => r.ok, () => false);
}
