{{/*
Unknown names below `global` and `kube-prometheus-stack`, one per line. There the dependency has values that our schema
does not list, so an unknown name is an error only if it looks like a known one (files/known-names.yaml). At the first
level of kube-prometheus-stack all names are known.
*/}}
{{- define "observability-platform.errors.names" -}}
{{- $known := .Files.Get "files/known-names.yaml" | fromYaml -}}
{{- /* Other charts read `global` too, so there a name has to be closer to be called misspelt. */ -}}
{{ include "observability-platform.unknownNames" (dict "path" "global" "known" $known.global "values" .Values.global "edits" 1) }}
{{- $stack := "kube-prometheus-stack" }}
{{ include "observability-platform.unknownNames" (dict "path" $stack "known" (index $known $stack) "values" (index .Values $stack) "edits" 2 "complete" true) }}
{{- end }}

{{/*
Unknown names in one map and in those below it, one per line. Argument: a dict of `path` and `values` of the map, `known` (its
names, with those below each), `edits` (how many edits may lie between a known name and its misspelling; for known names of
less than six letters it is 1) and `complete` (true if every name that is not in `known` is wrong).
*/}}
{{- define "observability-platform.unknownNames" -}}
{{- $words := dict }}
{{- range $name, $_ := .known }}
{{- $word := include "observability-platform.letters" $name }}
{{- $third := div (len $word) 3 | int }}
{{- $parts := list (trunc $third $word) (substr $third (mul 2 $third | int) $word) (substr (mul 2 $third | int) -1 $word) }}
{{- $_ := set $words $name (dict "letters" $word "parts" $parts "edits" (lt (len $word) 6 | ternary 1 $.edits)) }}
{{- end }}
{{- range $name, $values := .values }}
{{- if hasKey $.known $name }}
{{- with get $.known $name }}
{{- if kindIs "map" $values }}
{{ include "observability-platform.unknownNames" (dict "path" (printf "%s.%s" $.path $name) "known" . "values" $values "edits" $.edits) }}
{{- end }}
{{- end }}
{{- else }}
{{- $letters := include "observability-platform.letters" $name }}
{{- $meant := list }}
{{- range $other, $word := $words }}
{{- /* `alike` is slow, so it only compares words that share their first, middle or last third: almost every misspelling does. */ -}}
{{- if or (contains (index $word.parts 0) $letters) (contains (index $word.parts 1) $letters) (contains (index $word.parts 2) $letters) }}
{{- if include "observability-platform.alike" (list $letters $word.letters $word.edits) }}
{{- $meant = append $meant $other }}
{{- end }}
{{- end }}
{{- end }}
{{- if $meant }}
{{ $.path }}.{{ $name }}: not a known value; did you mean {{ join " or " $meant }}?
{{- else if $.complete }}
{{ $.path }}.{{ $name }}: not a value of {{ $.path }}; remove it, or correct its name
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* A name in lower case, without `-` and `_`. */}}
{{- define "observability-platform.letters" -}}
{{- . | lower | replace "-" "" | replace "_" "" -}}
{{- end }}

{{/*
`true` if a few edits turn one word into another, else nothing. An edit drops, adds or replaces a letter, or swaps two
neighbours. Argument: a list of both words and the number of edits.
*/}}
{{- define "observability-platform.alike" -}}
{{- $one := index . 0 -}}
{{- $other := index . 1 -}}
{{- $edits := index . 2 -}}
{{- range until (min (len $one) (len $other) | int) -}}
{{- if ne (trunc 1 $one) (trunc 1 $other) }}{{ break }}{{ end -}}
{{- $one = substr 1 -1 $one -}}
{{- $other = substr 1 -1 $other -}}
{{- end -}}
{{- $shorter := min (len $one) (len $other) | int -}}
{{- $longer := max (len $one) (len $other) | int -}}
{{- if le $longer $edits -}}
true
{{- else if and $edits (le (sub $longer $shorter | int) $edits) -}}
{{- $left := sub $edits 1 | int -}}
{{- if gt (len $one) 0 }}{{ include "observability-platform.alike" (list (substr 1 -1 $one) $other $left) }}{{ end -}}
{{- if gt (len $other) 0 }}{{ include "observability-platform.alike" (list $one (substr 1 -1 $other) $left) }}{{ end -}}
{{- if gt $shorter 0 }}{{ include "observability-platform.alike" (list (substr 1 -1 $one) (substr 1 -1 $other) $left) }}{{ end -}}
{{- if and (gt $shorter 1) (eq (trunc 2 $one) (printf "%s%s" (substr 1 2 $other) (trunc 1 $other))) -}}
{{ include "observability-platform.alike" (list (substr 2 -1 $one) (substr 2 -1 $other) $left) }}
{{- end -}}
{{- end -}}
{{- end }}
