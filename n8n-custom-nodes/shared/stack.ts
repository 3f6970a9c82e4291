/** The stack's own services and where they are: read from the one credential. */
import type { ICredentialDataDecryptedObject, IDataObject } from 'n8n-workflow';

import type { JsonResponse } from './transport';
import { requestJson } from './transport';

export const CREDENTIAL = 'hybridAiApi';

export interface Stack {
	scorerUrl: string;
	ledgerUrl: string;
	serviceToken: string;
	ollamaUrl: string;
	anthropicUrl: string;
	anthropicApiKey: string;
}

interface CredentialReader {
	getCredentials(type: string): Promise<ICredentialDataDecryptedObject>;
}

/** The addresses and secrets that the node's credential holds, without trailing slashes. */
export async function readStack(node: CredentialReader): Promise<Stack> {
	const data = await node.getCredentials(CREDENTIAL);
	const url = (name: string) => String(data[name] ?? '').replace(/\/+$/, '');
	return {
		scorerUrl: url('scorerUrl'),
		ledgerUrl: url('ledgerUrl'),
		ollamaUrl: url('ollamaUrl'),
		anthropicUrl: url('anthropicUrl'),
		serviceToken: String(data.serviceToken ?? ''),
		anthropicApiKey: String(data.anthropicApiKey ?? ''),
	};
}

export interface ServiceCall {
	body?: unknown;
	requestId?: string;
	/** Milliseconds. */
	timeout: number;
}

/** Calls one of the stack's services with the service token; rejects with TransportError. */
export async function callService(stack: Stack, url: string, call: ServiceCall): Promise<JsonResponse> {
	const headers: Record<string, string> = { authorization: `Bearer ${stack.serviceToken}` };
	if (call.requestId) headers['x-request-id'] = call.requestId;
	return await requestJson(url, { headers, body: call.body, timeout: call.timeout });
}

/** The message of a service's error document, or a sentence on its status. */
export function serviceMessage(response: { status: number; body: IDataObject }): string {
	const error = response.body.error as { message?: string } | undefined;
	return error?.message ?? `answered with status ${response.status}`;
}
