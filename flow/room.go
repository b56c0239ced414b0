package flow

import (
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/messages"
)

// noRoom says why a mailbox does not take calls of some bytes together.
func noRoom(k *socket.Socket, count int, size uint64) *messages.Error {
	if refusal := beyond(k, count, size); refusal != nil {
		return refusal
	}
	return full(k, count, size)
}

// beyond refuses what is larger than the mailbox ever holds: to wait for room
// would be to wait for ever.
func beyond(k *socket.Socket, count int, size uint64) *messages.Error {
	most, mostBytes := k.Config.MaxLength, k.Config.MaxLengthBytes
	switch {
	case most > 0 && int64(count) > most:
		return messages.Errorf(messages.Invalid, opRun, k.String(), "the batch has %d calls, and its mailbox holds %d at the most", count, most).
			WithHint(severalBatches)
	case mostBytes <= 0 || size <= uint64(mostBytes):
		return nil
	case count > 1:
		return messages.Errorf(messages.Invalid, opRun, k.String(), "the batch has %d bytes, and its mailbox holds %d at the most", size, mostBytes).
			WithHint(severalBatches)
	}
	return messages.Errorf(messages.Invalid, opRun, k.String(), "the arguments have %d bytes, and its mailbox holds %d at the most", size, mostBytes).
		WithHint("put large data where the function can read it, and send its name; or raise max_length_bytes of the socket's queue")
}

const severalBatches = "send it as several batches, each with a key of its own"

// untilRoom is what to do about a mailbox that is full, for now.
const untilRoom = "send it again later, or wait until there is room: --wait-for-room of flowcli, wait_full of the API"

// full says why a mailbox takes no count calls more, for now.
func full(k *socket.Socket, count int, size uint64) (refusal *messages.Error) {
	if limit := k.Config.MaxLength; limit > 0 && k.Counts.Queued+uint64(count) > uint64(limit) {
		refusal = messages.Errorf(messages.Exhausted, opRun, k.String(), "its mailbox is full: %d calls wait, and %d are the most", k.Counts.Queued, limit)
	} else if limit := k.Config.MaxLengthBytes; limit > 0 && k.Counts.Bytes+size > uint64(limit) {
		refusal = messages.Errorf(messages.Exhausted, opRun, k.String(), "its mailbox is full: %d bytes wait, and %d are the most", k.Counts.Bytes, limit)
	}
	if refusal != nil {
		refusal.RetryAfter = fullRetry
		refusal = refusal.WithHint(untilRoom)
	}
	return refusal
}
