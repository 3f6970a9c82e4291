import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { answer, chatItem, route } from '../test/samples';
import type { ChatItem } from './chat';
import { awaitEntry, entryIsSafe, spoolWaiting } from './unbooked';

let folder: string;
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'unbooked-'));
	vi.stubEnv('HYBRID_AI_SPOOL_DIR', folder);
});
afterEach(async () => {
	vi.useRealTimers();
	vi.unstubAllEnvs();
	await rm(folder, { recursive: true });
});

const item = (request_id: string) => ({ ...chatItem({ answer, route }), request_id }) as ChatItem;
const entriesOf = ({ request_id }: ChatItem) => [{ request_id }];

async function spooled(): Promise<string[]> {
	const names = await readdir(folder);
	const texts = await Promise.all(names.map(async (name) => await readFile(join(folder, name), 'utf8')));
	return texts.join('').split('\n').filter(Boolean).map((line) => (JSON.parse(line) as { request_id: string }).request_id);
}

it('spools at the end what was answered and not booked, once', async () => {
	awaitEntry(item('a'));
	awaitEntry(item('b'));
	entryIsSafe('a');
	spoolWaiting(entriesOf);
	spoolWaiting(entriesOf);
	expect(await spooled()).toEqual(['b']);
});

it('leaves no file when all is booked', async () => {
	awaitEntry(item('a'));
	entryIsSafe('a');
	spoolWaiting(entriesOf);
	expect(await readdir(folder)).toEqual([]);
});

it('forgets the answers of flows that do not log', async () => {
	vi.useFakeTimers();
	awaitEntry(item('old'));
	vi.advanceTimersByTime(61_000);
	awaitEntry(item('new'));
	spoolWaiting(entriesOf);
	expect(await spooled()).toEqual(['new']);
});
