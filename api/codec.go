package api

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// protoCodec stands in the place of Connect's own for protobuf: it encodes what
// clients are told of calls by hand. Connect appends to memory that it uses again.
type protoCodec struct{}

func (protoCodec) Name() string { return "proto" }

func (c protoCodec) Marshal(m any) ([]byte, error) { return c.MarshalAppend(nil, m) }

func (protoCodec) MarshalAppend(b []byte, m any) ([]byte, error) {
	told, ok := m.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("encode %T: it is no message", m)
	}
	return messages.Append(b, told)
}

func (protoCodec) Unmarshal(b []byte, m any) error {
	into, ok := m.(proto.Message)
	if !ok {
		return fmt.Errorf("decode %T: it is no message", m)
	}
	if err := proto.Unmarshal(b, into); err != nil {
		return fmt.Errorf("decode %T: %w", m, err)
	}
	return nil
}
