// A model's server that answers at once, in the dialects of Ollama, OpenAI and Anthropic: node upstream.mjs PORT.
// POST /delay/50 makes it wait 50 ms before each answer from then on. What is measured around it is the gateway.
import { createServer } from 'node:http';

const CHUNKS = 20;
const CHUNK_MS = 5; // apart, so that each chunk is a packet of its own, as from a model
const MODEL = 'smollm2:135m';
const TEXT = 'Python is a programming language that is read more often than it is written, by people who like it so.';
const WORDS = TEXT.match(/\S+\s*/g).slice(0, CHUNKS);
const USAGE = { prompt: 30, answer: CHUNKS };
let delay = 0;

const dialects = {
	'/api/chat': {
		type: 'application/x-ndjson',
		// Ollama streams unless it is told not to.
		streams: (body) => body.stream !== false,
		whole: () => ({ ...line(TEXT), ...ollamaEnd }),
		chunk: (text) => ndjson(line(text)),
		end: () => ndjson({ ...line(''), ...ollamaEnd }),
	},
	'/v1/chat/completions': {
		type: 'text/event-stream',
		streams: (body) => body.stream === true,
		whole: () => completion('chat.completion', { message: { role: 'assistant', content: TEXT }, finish_reason: 'stop' }, openaiUsage),
		chunk: (text) => event(completion('chat.completion.chunk', { delta: { content: text }, finish_reason: null })),
		end: (body) =>
			event(completion('chat.completion.chunk', { delta: {}, finish_reason: 'stop' })) +
			(body.stream_options?.include_usage ? event({ ...completion('chat.completion.chunk'), usage: openaiUsage }) : '') +
			'data: [DONE]\n\n',
	},
	'/v1/messages': {
		type: 'text/event-stream',
		streams: (body) => body.stream === true,
		whole: (body) => message(body, [{ type: 'text', text: TEXT }], 'end_turn', USAGE.answer),
		begin: (body) =>
			named({ type: 'message_start', message: message(body, [], null, 1) }) +
			named({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
		chunk: (text) => named({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
		end: () =>
			named({ type: 'content_block_stop', index: 0 }) +
			named({ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: USAGE.answer } }) +
			named({ type: 'message_stop' }),
	},
};

const ollamaEnd = { done: true, done_reason: 'stop', prompt_eval_count: USAGE.prompt, eval_count: USAGE.answer };
const openaiUsage = { prompt_tokens: USAGE.prompt, completion_tokens: USAGE.answer, total_tokens: USAGE.prompt + USAGE.answer };

function line(content) {
	return { model: MODEL, created_at: '2026-01-01T00:00:00Z', message: { role: 'assistant', content }, done: false };
}

function completion(object, choice, usage) {
	const choices = choice ? [{ index: 0, ...choice }] : [];
	return { id: 'chatcmpl-bench', object, created: 1_700_000_000, model: MODEL, choices, ...(usage ? { usage } : {}) };
}

function message(body, content, stop_reason, output_tokens) {
	const usage = { input_tokens: USAGE.prompt, output_tokens };
	return { id: 'msg_bench', type: 'message', role: 'assistant', model: body.model, content, stop_reason, stop_sequence: null, usage };
}

function ndjson(value) {
	return `${JSON.stringify(value)}\n`;
}

function event(value) {
	return `data: ${JSON.stringify(value)}\n\n`;
}

function named(value) {
	return `event: ${value.type}\n${event(value)}`;
}

function answer(response, dialect, body) {
	if (!dialect.streams(body)) return document(response, dialect.whole(body));
	response.writeHead(200, { 'content-type': dialect.type });
	if (dialect.begin) response.write(dialect.begin(body));
	let sent = 0;
	const timer = setInterval(() => {
		if (response.destroyed) return clearInterval(timer);
		response.write(dialect.chunk(WORDS[sent % WORDS.length]));
		sent += 1;
		if (sent < CHUNKS) return undefined;
		clearInterval(timer);
		return response.end(dialect.end(body));
	}, CHUNK_MS);
	return undefined;
}

function document(response, value) {
	const text = JSON.stringify(value);
	response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
}

createServer((request, response) => {
	const parts = [];
	request.on('data', (part) => parts.push(part));
	request.on('end', () => {
		const dialect = dialects[request.url];
		if (dialect) {
			const body = JSON.parse(Buffer.concat(parts).toString('utf8'));
			if (delay === 0) return answer(response, dialect, body);
			return setTimeout(answer, delay, response, dialect, body);
		}
		if (request.url.startsWith('/delay/')) delay = Number(request.url.slice('/delay/'.length));
		if (request.url === '/api/tags') return document(response, { models: [{ name: MODEL, model: MODEL }] });
		return document(response, { version: '0.0.0' });
	});
}).listen(Number(process.argv[2]), '127.0.0.1');
