// A light load: reads {host, port, path, headers, body, clients, seconds, expect} as JSON from standard input, sends
// the request from `clients` keep-alive connections for `seconds`, and prints {times, first, statuses, failures, events, seconds}.
// `{id}` in the body or a header becomes a new UUID each time. Bytes are sent and read as they are, without an HTTP
// library, so that the load takes little of the machine that it shares with what it measures.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

const PLACE = '{id}';
const TIMEOUT_MS = 60_000;
const order = JSON.parse(readFileSync(0, 'utf8'));
const template = request(order);
const found = { times: [], first: [], statuses: {}, failures: {}, events: 0 };
const begun = performance.now();
const end = begun + order.seconds * 1000;

await Promise.all(Array.from({ length: order.clients }, client));
found.seconds = (performance.now() - begun) / 1000;
process.stdout.write(JSON.stringify(found));

function request({ host, port, path, headers, body }) {
	const filled = body.replaceAll(PLACE, randomUUID());
	const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
	const length = `content-length: ${Buffer.byteLength(filled)}\r\n`;
	const text = `POST ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\ncontent-type: application/json\r\n${lines.join('')}${length}\r\n${body}`;
	return text.includes(PLACE) ? () => text.replaceAll(PLACE, randomUUID()) : () => text;
}

async function client() {
	let socket;
	while (performance.now() < end) {
		try {
			socket ??= await open();
			const keep = await exchange(socket);
			if (!keep) socket = close(socket);
		} catch (error) {
			count(found.failures, error.message);
			socket = close(socket);
		}
	}
	close(socket);
}

function close(socket) {
	socket?.destroy();
	return undefined;
}

function open() {
	return new Promise((resolve, reject) => {
		const socket = connect(order.port, order.host, () => {
			socket.off('error', reject);
			// An idle socket that breaks is noticed by the next exchange.
			socket.on('error', () => undefined);
			resolve(socket);
		});
		socket.setNoDelay(true);
		socket.once('error', reject);
	});
}

/** One request and its whole answer; whether the connection stays open. */
function exchange(socket) {
	return new Promise((resolve, reject) => {
		const sent = performance.now();
		let text = '';
		let first = 0;
		const timer = setTimeout(() => done(reject, new Error('no answer in time')), TIMEOUT_MS);
		const onClose = () => done(reject, new Error('connection closed'));
		const onData = (data) => {
			text += data.toString('latin1');
			const head = text.indexOf('\r\n\r\n');
			if (head < 0) return;
			// A stream's first byte of content is what its reader waits for.
			if (!first && text.length > head + 4) first = performance.now() - sent;
			if (!isWhole(text, head)) return;
			found.times.push(performance.now() - sent);
			found.first.push(first);
			const status = text.slice(9, 12);
			count(found.statuses, status);
			found.events += events(text, head);
			done(resolve, !/\r\nconnection: close/i.test(text.slice(0, head)));
		};
		function done(settle, value) {
			clearTimeout(timer);
			socket.off('data', onData);
			socket.off('close', onClose);
			settle(value);
		}
		if (socket.destroyed) return onClose();
		socket.on('data', onData);
		socket.on('close', onClose);
		return socket.write(template());
	});
}

function isWhole(text, head) {
	const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head));
	return length ? text.length >= head + 4 + Number(length[1]) : text.endsWith('\r\n0\r\n\r\n');
}

/** Pieces of text in a streamed answer: events with content, or lines of JSON. */
function events(text, head) {
	const type = /\r\ncontent-type: *([^;\r]+)/i.exec(text.slice(0, head))?.[1];
	if (type === 'text/event-stream') return text.match(/"content":"[^"]|"text_delta"/g)?.length ?? 0;
	return type === 'application/x-ndjson' ? (text.match(/"done":false/g)?.length ?? 0) : 0;
}

function count(counts, name) {
	counts[name] = (counts[name] ?? 0) + 1;
}
