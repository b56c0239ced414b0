package main

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// secrets never leave the network.
var secrets = []protoreflect.Name{"password", "password_hash"}

// objectDocument is an object for programs: what all objects have, and below
// the name of its class what that class adds.
func objectDocument(o *messages.Object) document.Object {
	d := document.Object{
		{Name: "id", Value: o.Id},
		{Name: "name", Value: o.Name},
		{Name: "kind", Value: kindName(o.Kind)},
		{Name: "owner", Value: orNull(o.Owner)},
		{Name: "created", Value: orNull(clock(o.Created))},
		{Name: "lastupdated", Value: orNull(clock(o.Lastupdated))},
		{Name: "status", Value: orNull(o.Status)},
		{Name: "requested_status", Value: orNull(o.RequestedStatus)},
		{Name: "enabled", Value: o.Enabled},
		{Name: "version", Value: o.Version},
		{Name: "message", Value: orNull(o.Message)},
	}
	m := o.ProtoReflect()
	if spec := m.WhichOneof(m.Descriptor().Oneofs().ByName("spec")); spec != nil {
		d = append(d, document.Member{Name: string(spec.Name()), Value: messageDocument(m.Get(spec).Message())})
	}
	return d
}

// messageDocument writes every field of a message, also those that are empty,
// so that a program finds the same members each time.
func messageDocument(m protoreflect.Message) document.Object {
	d := document.Object{}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if slices.Contains(secrets, f.Name()) {
			continue
		}
		member := document.Member{Name: string(f.Name())}
		if !f.HasPresence() || m.Has(f) {
			member.Value = fieldDocument(f, m.Get(f))
		}
		d = append(d, member)
	}
	return d
}

func fieldDocument(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch {
	case f.IsList():
		items := []any{}
		for i := range v.List().Len() {
			items = append(items, single(f, v.List().Get(i)))
		}
		return items
	case f.IsMap():
		return nil // no object has one
	}
	return single(f, v)
}

func single(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return messageDocument(v.Message())
	case protoreflect.EnumKind:
		return lower(string(f.Enum().Values().ByNumber(v.Enum()).Name()))
	}
	return v.Interface()
}

// listDocument is a list for programs.
func listDocument(t thing, objects []*messages.Object, total int64) document.Object {
	items := []document.Object{}
	for _, o := range objects {
		items = append(items, objectDocument(o))
	}
	return document.Object{{Name: t.plural, Value: items}, {Name: "total", Value: total}}
}
