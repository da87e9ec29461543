// Which browser this is, only to say where its permissions are.

export const browsers = ['chromium', 'firefox', 'safari', 'ios', 'android'] as const;
export type Browser = (typeof browsers)[number];

/** By the words that browsers write into navigator.userAgent. Every browser on iOS is Safari inside. */
export function browserOf(userAgent: string): Browser {
  if (/iPhone|iPad|iPod/.test(userAgent)) return 'ios';
  if (/Android/.test(userAgent)) return 'android';
  if (/Firefox\//.test(userAgent)) return 'firefox';
  if (/Chrom(e|ium)\//.test(userAgent)) return 'chromium';
  return /Safari\//.test(userAgent) ? 'safari' : 'chromium';
}
