/** Text: Markdown or HTML, both sanitized, or plain code. */
import { renderTextPanelMarkdown, textUtil } from '@grafana/data';

import type { VizProps } from './viz';

export function TextPanel({ options: { mode, content = '' }, replace }: VizProps) {
  const text = replace(content);
  if (mode === 'code') {
    return <pre className="preview-text">{text}</pre>;
  }
  const html = mode === 'html' ? textUtil.sanitizeTextPanelContent(text) : renderTextPanelMarkdown(text);
  return <div className="markdown-html preview-text" dangerouslySetInnerHTML={{ __html: html }} />;
}
