package call

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Size is how many bytes of names and values arguments hold, those that are kept
// elsewhere included.
func Size(a *messages.Arguments) (n uint64) {
	for _, v := range a.GetPositional() {
		n += messages.ValueSize(v)
	}
	for _, v := range a.GetNamed() {
		n += uint64(len(v.Name)) + messages.ValueSize(v.Value)
	}
	return n
}

// PutArguments keeps the arguments of a call that came alone.
func PutArguments(tx kv.Tx, seq uint64, a *messages.Arguments) {
	PutEncoded(tx, seq, EncodeArguments(a))
}

// PutEncoded is PutArguments of what EncodeArguments gave.
func PutEncoded(tx kv.Tx, seq uint64, value []byte) {
	if len(value) > 0 {
		tx.Set(key(arguments, seq), value)
	}
}

// Arguments gives the arguments of a call; none were kept for none.
func Arguments(view kv.View, r *Record) *messages.Arguments {
	if r.Block != 0 {
		return OpenBlock(view, r.Block).arguments(view, r.Seq)
	}
	value, _ := view.Get(key(arguments, r.Seq))
	return DecodeArguments(value)
}

// EncodeArguments gives arguments as they are kept.
func EncodeArguments(a *messages.Arguments) []byte {
	return messages.AppendArguments(nil, a)
}

// DecodeArguments reads what EncodeArguments gave.
func DecodeArguments(value []byte) *messages.Arguments {
	a, err := messages.DecodeArguments(value)
	if err != nil {
		pack.Fail("decode arguments: %v", err)
	}
	return a
}

// maxShort is how many bytes a result may have that is kept in its call's record.
const maxShort = 512

// PutResult keeps a call's result. The record is written after it.
func PutResult(tx kv.Tx, r *Record, result []byte) {
	if r.HasResult = true; len(result) <= maxShort {
		r.short = result
	} else {
		tx.Set(key(results, r.Seq), result)
	}
}

// Result gives a copy of a call's result; nil: it has none.
func Result(view kv.View, r *Record) []byte {
	if r.short != nil || !r.HasResult {
		return bytes.Clone(r.short)
	}
	return get(view, key(results, r.Seq))
}

// Output gives a copy of what a call put into its argument output.
func Output(view kv.View, r *Record) []byte {
	if !r.HasOutput {
		return nil
	}
	return get(view, key(outputs, r.Seq))
}

// PutOutput keeps what a call put into its argument output.
func PutOutput(tx kv.Tx, seq uint64, output []byte) { tx.Set(key(outputs, seq), output) }

// maxLogs is how many attempts' logs are kept of one call, the latest.
const maxLogs = 16

func logKey(seq uint64, attempt uint32) []byte {
	return binary.BigEndian.AppendUint32(key(logs, seq), attempt)
}

// PutLog keeps what the last attempt printed. The record is to be put after it.
func PutLog(tx kv.Tx, r *Record, log []byte) {
	if len(log) > 0 {
		tx.Set(logKey(r.Seq, r.Attempt), log)
		r.HasLog = true
	}
	if r.Attempt > maxLogs {
		tx.Delete(logKey(r.Seq, r.Attempt-maxLogs))
	}
}

// Log gives a copy of what an attempt printed.
func Log(view kv.View, seq uint64, attempt uint32) []byte { return get(view, logKey(seq, attempt)) }

// Logs gives what the attempts of a call have printed, those that are kept and
// have printed anything.
func Logs(view kv.View, seq uint64) (all []*messages.AttemptLog) {
	for k, v := range view.Scan(key(logs, seq), key(logs, seq+1)) {
		attempt := binary.BigEndian.Uint32(k[len(k)-4:])
		all = append(all, &messages.AttemptLog{Attempt: attempt, Text: strings.ToValidUTF8(string(v), "\uFFFD")})
	}
	return all
}

func dropLogs(tx kv.Tx, seq uint64) {
	var found [][]byte
	for k := range tx.Scan(key(logs, seq), key(logs, seq+1)) {
		found = append(found, bytes.Clone(k))
	}
	for _, k := range found {
		tx.Delete(k)
	}
}

func get(view kv.View, key []byte) []byte {
	value, _ := view.Get(key)
	return bytes.Clone(value)
}

// Fill puts the result and the output of a call that has them into its record.
func Fill(view kv.View, r *Record) {
	r.Result, r.Output = Result(view, r), Output(view, r)
}
