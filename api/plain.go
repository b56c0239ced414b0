package api

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// explainPlain answers, in words and as JSON, what is refused before it is a
// request: a path, a method or a content type that nothing here takes, and a body that
// is too large. People who try the API with curl would see an empty answer.
//
// What is seldom needed is in functions of its own: it takes no room on the stack of each
// request that waits, which the collector reads.
func explainPlain(paths *paths, next http.Handler) http.Handler {
	writer := connect.NewErrorWriter(connect.WithCodec(jsonCodec{jsonName}), connect.WithCodec(jsonCodec{jsonUTF8}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		procedure, ok := strings.CutPrefix(r.URL.Path, servicesAt)
		switch {
		case !ok:
		case r.Method != http.MethodPost:
			paths.refuse(w, r)
			return
		case !understood(r.Header.Get("Content-Type")):
			paths.refuseType(w, r, procedure)
			return
		case r.ContentLength > MaxMessage:
			refuseLarge(writer, w, r, procedure)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (p *paths) refuseType(w http.ResponseWriter, r *http.Request, procedure string) {
	if _, known := p.method[r.URL.Path]; !known {
		p.refuse(w, r)
		return
	}
	refuse(w, http.StatusUnsupportedMediaType, connect.CodeInvalidArgument, messages.Errorf(messages.Invalid, "serve", procedure, "the content type %q is not understood", r.Header.Get("Content-Type")).
		WithHint("send JSON and say so: curl -H 'Content-Type: application/json' -d '{…}'"))
}

func refuseLarge(writer *connect.ErrorWriter, w http.ResponseWriter, r *http.Request, procedure string) {
	large := messages.Errorf(messages.Invalid, "serve", procedure, "data over the limit: the request has %d bytes, and one may have %d (%d MiB)", r.ContentLength, MaxMessage, MaxMessage>>20)
	_ = writer.Write(w, r, connectError(r.URL.Path, large.Info())) // the client has gone
}

// understood says whether a handler takes a content type.
func understood(contentType string) bool {
	kind, _, _ := mime.ParseMediaType(contentType) // "" with an error
	return kind == "application/json" || kind == "application/proto" ||
		strings.HasPrefix(kind, "application/grpc") || strings.HasPrefix(kind, "application/connect+")
}

// refuse writes an error in the form that Connect has for JSON.
func refuse(w http.ResponseWriter, status int, code connect.Code, e *messages.Error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"code": code.String(), "message": e.Error()}) // the client has gone
}

// The names under which Connect looks for a JSON codec.
const (
	jsonName = "json"
	jsonUTF8 = "json; charset=utf-8"
)

// jsonCodec reads requests that people write by hand: a field that is not there
// is refused rather than left out, and what is often got wrong is explained.
type jsonCodec struct{ name string }

func (c jsonCodec) Name() string { return c.name }

func (c jsonCodec) Marshal(m any) ([]byte, error) { return protojson.Marshal(m.(proto.Message)) }

func (c jsonCodec) Unmarshal(text []byte, m any) error {
	if len(text) == 0 {
		return fmt.Errorf("the body is empty: it must be a JSON object; {} stands for no fields")
	}
	err := protojson.Unmarshal(text, m.(proto.Message))
	if err == nil {
		return nil
	}
	for _, field := range []string{"data", "positional", "named"} {
		if strings.Contains(err.Error(), "invalid value for string field "+field+":") {
			return fmt.Errorf("%s holds JSON as text, in quotes: \"data\": \"[3]\", not \"data\": [3] (%w)", field, err)
		}
	}
	return err
}
