// An Ollama that answers at once: node fake_ollama.mjs PORT. What is measured around it is the stack.
import { createServer } from 'node:http';

const answers = {
	'/api/tags': { models: [{ name: 'smollm2:135m', model: 'smollm2:135m' }] },
	'/api/version': { version: '0.0.0' },
	'/api/chat': {
		model: 'smollm2:135m',
		message: { role: 'assistant', content: 'Python is a programming language.' },
		done: true,
		done_reason: 'stop',
		prompt_eval_count: 30,
		eval_count: 8,
	},
};

createServer((request, response) => {
	request.resume().on('end', () => {
		const answer = answers[request.url];
		const body = JSON.stringify(answer ?? 'Ollama is running');
		response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
	});
}).listen(Number(process.argv[2]), '127.0.0.1');
