package flow

import (
	"bytes"
	"testing"

	"github.com/elasticcode/flow/kv"
)

func proto32(n int32) *int32 { return &n }
func proto64(n int64) *int64 { return &n }

// same fails the test unless two states have the same keys and values.
func same(t testing.TB, a, b kv.View) {
	t.Helper()
	if !bytes.Equal(dump(a), dump(b)) {
		t.Fatal("the states differ")
	}
}

func dump(view kv.View) []byte {
	var b []byte
	for k, v := range view.Scan(nil, nil) {
		b = append(append(append(append(b, byte(len(k))), k...), v...), 0xff)
	}
	return b
}
