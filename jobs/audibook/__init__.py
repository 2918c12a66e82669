"""The audiobook workload: from an EPUB to spoken paragraphs, pages and a whole book."""
