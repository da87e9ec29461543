// What a device that could not be opened means to the person who wanted it.

import { browserOf } from '../core/browser';
import type { CaptureError } from '../core/capture';
import type { Catalogue } from './index';

export function troubleSentence(t: Catalogue, { kind, trouble }: CaptureError, userAgent: string): string {
  const sentence = t.trouble[kind][trouble];
  return trouble === 'denied' && kind !== 'screen' ? `${sentence} ${t.permission[browserOf(userAgent)]}` : sentence;
}
