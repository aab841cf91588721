using System.Text;
using System.Text.Json;
using MergeTasks.Transformers.Configuration;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Transformers.Tokenization.Loading;

/// <summary>
/// An object of a tokenizer file that is read field by field. <see cref="Done"/> refuses the fields that nobody asked for: they could
/// change the ids.
/// </summary>
internal sealed class JsonComponent
{
    private readonly string _file;
    private readonly string _path;
    private readonly HashSet<string> _read = new(StringComparer.Ordinal);

    public JsonComponent(JsonElement element, string file, string path)
    {
        (Element, _file, _path) = (element, file, path);
        if (element.ValueKind != JsonValueKind.Object) throw Error("is not an object");
    }

    public JsonElement Element { get; }

    public string Type => String("type");

    public TokenizerException Error(string what, Exception? cause = null)
    {
        var message = $"{_file}: {(_path.Length == 0 ? "the file" : _path)} {what}.";
        return cause is null ? new(message) : new(message, cause);
    }

    /// <summary>A field's value, or null where the field is absent or null.</summary>
    public JsonElement? Optional(string name)
    {
        _read.Add(name);
        return Element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    public JsonElement Required(string name) => Optional(name) ?? throw Error($"lacks the field '{name}'");

    public string String(string name) => AsString(name, Required(name));

    public string? OptionalString(string name) => Optional(name) is { } value ? AsString(name, value) : null;

    public bool Bool(string name) => AsBool(name, Required(name));

    public bool? OptionalBool(string name) => Optional(name) is { } value ? AsBool(name, value) : null;

    public int Int(string name) => AsInt(name, Required(name));

    public int? OptionalInt(string name) => Optional(name) is { } value ? AsInt(name, value) : null;

    /// <summary>A field that holds exactly one character.</summary>
    public Rune Character(string name)
    {
        var runes = String(name).EnumerateRunes().ToArray();
        return runes.Length == 1 ? runes[0] : throw Error($"needs exactly one character in '{name}'");
    }

    public JsonComponent Component(string name) => new(Required(name), _file, At(name));

    public JsonComponent? OptionalComponent(string name) => Optional(name) is { } value ? new(value, _file, At(name)) : null;

    public IReadOnlyList<JsonComponent> Components(string name)
    {
        var list = Required(name);
        if (list.ValueKind != JsonValueKind.Array) throw Error($"needs a list in '{name}'");
        return [.. list.EnumerateArray().Select((e, i) => new JsonComponent(e, _file, $"{At(name)}[{i}]"))];
    }

    /// <summary>Refuses fields that were not read.</summary>
    public void Done()
    {
        foreach (var property in Element.EnumerateObject())
        {
            if (!_read.Contains(property.Name))
                throw Error($"has the field '{property.Name}', whose meaning is unknown; known here: {string.Join(", ", _read.Order())}");
        }
    }

    public string AsString(string name, JsonElement value)
    {
        return value.AsText() ?? throw Error($"needs a text in '{name}'");
    }

    public int AsInt(string name, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= 0
            ? number
            : throw Error($"needs a whole number from 0 to {int.MaxValue} in '{name}'");

    private bool AsBool(string name, JsonElement value) =>
        value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Error($"needs true or false in '{name}'");

    private string At(string name) => _path.Length == 0 ? name : $"{_path}.{name}";
}
