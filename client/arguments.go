package client

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/elasticcode/flow/messages"
)

// Named are arguments by name; as an argument of Run, its members become
// named ones.
type Named map[string]any

// Request makes the request that runs a socket's function with arguments. Each
// becomes JSON text: a json.RawMessage goes out as it is, anything else as
// encoding/json writes it. Named ones go out by name.
func Request(socket string, args ...any) (*messages.RunRequest, error) {
	m := &messages.RunRequest{Socket: socket}
	for i, arg := range args {
		named, ok := arg.(Named)
		if !ok {
			text, err := jsonText(arg)
			if err != nil {
				return nil, messages.Errorf(messages.Invalid, "run", "socket "+socket, "argument %d is not JSON: %v", i+1, err)
			}
			m.Positional = append(m.Positional, text)
			continue
		}
		for name, value := range named {
			text, err := jsonText(value)
			if err != nil {
				return nil, messages.Errorf(messages.Invalid, "run", "socket "+socket, "argument %s is not JSON: %v", name, err)
			}
			if m.Named == nil {
				m.Named = map[string]string{}
			}
			m.Named[name] = text
		}
	}
	return m, nil
}

func jsonText(v any) (string, error) {
	if raw, ok := v.(json.RawMessage); ok {
		if !json.Valid(raw) {
			return "", fmt.Errorf("the raw text %.40q is not JSON", raw)
		}
		return string(raw), nil
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "", err
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// NewKey makes a key for a call or a batch: a UUIDv7, which tells when it was made.
func NewKey() (string, error) {
	key, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make key: %w", err)
	}
	return key.String(), nil
}

// Value decodes the result of a finished call into what v points at; a
// *json.RawMessage gets the text as it came. A call that has not finished gives
// a *CallError.
func Value(call *messages.CallInfo, v any) error {
	if call.GetState() != "finished" {
		return &CallError{Call: call}
	}
	if raw, ok := v.(*json.RawMessage); ok {
		*raw = json.RawMessage(call.GetResult())
		return nil
	}
	if err := json.Unmarshal([]byte(call.GetResult()), v); err != nil {
		return fmt.Errorf("decode result of call %s: %w", call.GetId(), err)
	}
	return nil
}

// CallError is a call that has no result: it failed, was cancelled, expired, or
// has not ended yet.
type CallError struct {
	Call *messages.CallInfo
}

func (e *CallError) Error() string {
	text := fmt.Sprintf("call %s of %s: %s", e.Call.GetId(), e.Call.GetSocket(), e.Call.GetState())
	if f := e.Call.GetError(); f != nil && f.Type != e.Call.GetState() {
		text += ": " + f.Type + ": " + f.Message
	} else if f != nil { // "expired" is the state, and its type
		text += ": " + f.Message
	} else if e.Call.GetWaiting() != "" {
		text += ": " + e.Call.GetWaiting()
	}
	return text
}
