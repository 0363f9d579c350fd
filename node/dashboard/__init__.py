"""The officials' pages: server-rendered, without scripts."""
