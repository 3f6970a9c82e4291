import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { IDataObject } from 'n8n-workflow';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { replay, setAside, spool } from './spool';

let folder: string;
beforeEach(async () => (folder = join(await mkdtemp(join(tmpdir(), 'spool-')), 'inner')));
afterEach(async () => await rm(join(folder, '..'), { recursive: true }));

it('gives back what was spooled, in order, once', async () => {
	await spool(folder, [{ request_id: 'a' }]);
	await spool(folder, [{ request_id: 'b' }, { request_id: 'c' }]);
	const booked: IDataObject[] = [];
	expect(await replay(folder, async (entries) => void booked.push(...entries))).toBe(3);
	expect(booked.map((entry) => entry.request_id)).toEqual(['a', 'b', 'c']);
	expect(await replay(folder, async () => expect.unreachable())).toBe(0);
});

it('keeps everything when booking fails, together with what came meanwhile', async () => {
	await spool(folder, [{ request_id: 'a' }]);
	await expect(replay(folder, async () => await Promise.reject(new Error('away')))).rejects.toThrow('away');
	await spool(folder, [{ request_id: 'b' }]);
	const booked: IDataObject[] = [];
	expect(await replay(folder, async (entries) => void booked.push(...entries))).toBe(2);
});

it('passes over a line that a crash cut', async () => {
	await spool(folder, [{ request_id: 'a' }]);
	await writeFile(join(folder, 'entries.jsonl'), '{"request_id":"a"}\n{"request_');
	expect(await replay(folder, async () => undefined)).toBe(1);
});

it('books in batches', async () => {
	await spool(folder, Array.from({ length: 1200 }, (_, n) => ({ request_id: String(n) })));
	const sizes: number[] = [];
	await replay(folder, async (entries) => void sizes.push(entries.length));
	expect(sizes).toEqual([500, 500, 200]);
});

it('has nothing to do where there is no folder', async () => {
	expect(await replay(folder, async () => expect.unreachable())).toBe(0);
});

it('is readable by its owner only, and puts a refused entry aside once', async () => {
	await spool(folder, [{ request_id: 'a' }]);
	expect((await stat(join(folder, 'entries.jsonl'))).mode & 0o077).toBe(0);
	await setAside(folder, { request_id: 'x' }, 'model: unknown');
	await setAside(folder, { request_id: 'x' }, 'model: unknown');
	const names = (await readdir(folder)).filter((name) => name.startsWith('rejected-'));
	expect(names).toHaveLength(1);
	expect(JSON.parse(await readFile(join(folder, names[0]!), 'utf8'))).toEqual({ reason: 'model: unknown', entry: { request_id: 'x' } });
});
