package gossip

import (
	"bytes"
	"log"
	"log/slog"
)

// memberlistLog sends memberlist's own lines to the debug log: what matters of
// them is logged here, once, in words.
func memberlistLog(logger *slog.Logger) *log.Logger { return log.New(lines{logger}, "", 0) }

type lines struct{ logger *slog.Logger }

func (l lines) Write(b []byte) (int, error) {
	l.logger.Debug("memberlist", "line", string(bytes.TrimSpace(b)))
	return len(b), nil
}
