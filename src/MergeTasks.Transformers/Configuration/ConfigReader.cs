using System.Text;
using System.Text.Json;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Transformers.Configuration;

/// <summary>
/// Typed access to a <c>config.json</c> object. An absent key takes the default that the family's configuration class documents; keys
/// that no family reads are ignored, as the reference loader does; <see cref="Unread"/> lists them.
/// </summary>
internal sealed class ConfigReader
{
    private readonly JsonElement _root;
    private readonly string _where;
    private readonly HashSet<string> _read;
    private (ConfigReader Reader, string Key)? _above;
    private ILookup<string, string>? _otherNames;

    private ConfigReader(JsonElement root, string path, string where, HashSet<string> read)
    {
        _root = root;
        Path = path;
        _where = where;
        _read = read;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Parses the text of a configuration file.</summary>
    /// <param name="text">UTF-8 JSON.</param>
    /// <param name="path">The file's path, for messages.</param>
    /// <exception cref="ModelException"><see cref="ModelError.BadConfiguration"/>.</exception>
    public static ConfigReader Parse(ReadOnlyMemory<byte> text, string path)
    {
        try
        {
            using var json = StrictJson.Parse(text, path);
            if (json.RootElement.ValueKind == JsonValueKind.Object)
                return new ConfigReader(json.RootElement.Clone(), path, "", new HashSet<string>(StringComparer.Ordinal));
            throw new ModelException(ModelError.BadConfiguration, $"'{path}' is not a JSON object.", path);
        }
        catch (FileFault e)
        {
            throw new ModelException(ModelError.BadConfiguration, e.Message, path, e);
        }
    }

    /// <summary>The keys of this object and of the sections read from it that nothing has asked for, as paths in file order.</summary>
    public IEnumerable<string> Unread => _root.EnumerateObject().SelectMany(member =>
    {
        var key = _where + member.Name;
        return !_read.Contains(key) ? [key]
            : _read.Contains(key + ".") ? new ConfigReader(member.Value, Path, key + ".", _read).Unread
            : [];
    });

    // Far more than models have, and few enough that what is made for each of them, or for each number of a vector, fits into memory.
    private const int MostCounted = 10_000;
    private const int MostSize = 1 << 24;

    /// <summary>Whether the key is there with a value other than null.</summary>
    public bool Has(string key) => Value(key) is { ValueKind: not JsonValueKind.Null };

    /// <summary>Whether the key's value is a text.</summary>
    public bool IsText(string key) => Value(key) is { ValueKind: JsonValueKind.String };

    /// <summary>Whether the key's value is a list.</summary>
    public bool IsList(string key) => Value(key) is { ValueKind: JsonValueKind.Array };

    /// <summary>The keys that are there, in file order.</summary>
    public IEnumerable<string> Keys => _root.EnumerateObject().Select(member => member.Name);

    /// <summary>Whether the key is there, perhaps with null.</summary>
    public bool Mentions(string key) => Value(key) is not null;

    /// <summary>A whole number of at least <paramref name="minimum"/>; null counts as absent.</summary>
    public int Int(string key, int absent, int minimum = 1) => OptionalInt(key, minimum) ?? absent;

    /// <summary>A whole number of at least <paramref name="minimum"/>; null where absent or null.</summary>
    public int? OptionalInt(string key, int minimum = 1)
    {
        if (!Has(key))
            return null;
        var value = Value(key)!.Value;
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out var number) || number != Math.Floor(number)
            || number < minimum)
        {
            throw Bad(key, value, $"a whole number of at least {minimum}");
        }

        if (number > Most(key))
            throw Bad(key, value, $"a whole number of at most {Most(key)}");

        return (int)number;
    }

    private static int Most(string key)
    {
        bool Has(string part) => key.Contains(part, StringComparison.Ordinal);
        return Has("vocab") ? MostSize
            : Has("layer") || Has("expert") || Has("head") || Has("group") ? MostCounted
            : Has("position") || Has("window") || Has("length") || Has("context") ? int.MaxValue
            : MostSize;
    }

    /// <summary>A number; null counts as absent.</summary>
    public double Double(string key, double absent) => OptionalDouble(key) ?? absent;

    /// <summary>A number above 0; null counts as absent.</summary>
    public double PositiveDouble(string key, double absent) =>
        OptionalDouble(key) is not { } value ? absent : value > 0 ? value : throw Bad(key, Value(key)!.Value, "a number above 0");

    /// <summary>A finite number; null where absent or null.</summary>
    public double? OptionalDouble(string key)
    {
        if (!Has(key))
            return null;
        var value = Value(key)!.Value;
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number)
            ? number
            : throw Bad(key, value, "a number");
    }

    /// <summary>True or false; null is false, as it is where the reference asks for it.</summary>
    public bool Bool(string key, bool absent)
    {
        if (Value(key) is not { } value)
            return absent;
        return value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False or JsonValueKind.Null => false,
            _ => throw Bad(key, value, "true or false"),
        };
    }

    /// <summary>A text; null where absent or null.</summary>
    public string? OptionalText(string key)
    {
        if (!Has(key))
            return null;
        var value = Value(key)!.Value;
        return value.AsText() ?? throw Bad(key, value, "a text");
    }

    /// <summary>A nested object; null where absent or null.</summary>
    public ConfigReader? Section(string key)
    {
        if (!Has(key))
            return null;
        var value = Value(key)!.Value;
        if (value.ValueKind != JsonValueKind.Object)
            throw Bad(key, value, "an object");
        _read.Add($"{_where}{key}.");
        return new ConfigReader(value, Path, $"{_where}{key}.", _read);
    }

    /// <summary>This section, but one key is read from the object around it where that has it.</summary>
    public ConfigReader Under(ConfigReader above, string key) => new(_root, Path, _where, _read) { _above = (above, key) };

    /// <summary>
    /// This object, some keys of which the reference reads under other names too. Where both are there and differ, which of them counts
    /// depends on their order and on the reference's version: they are refused.
    /// </summary>
    /// <param name="keyByOtherName">The key that each other name stands for.</param>
    public ConfigReader Naming(IReadOnlyDictionary<string, string> keyByOtherName) => keyByOtherName.Count == 0
        ? this
        : new(_root, Path, _where, _read)
        {
            _above = _above,
            _otherNames = keyByOtherName.ToLookup(pair => pair.Value, pair => pair.Key, StringComparer.Ordinal),
        };

    /// <summary>Settings that stand in for a section that is not there.</summary>
    public ConfigReader Substitute(string key, string json)
    {
        using var parsed = StrictJson.Parse(Encoding.UTF8.GetBytes(json), key);
        return new ConfigReader(parsed.RootElement.Clone(), Path, $"{_where}{key}.", _read);
    }

    /// <summary>Says that a key is known and changes nothing here, with or without a value.</summary>
    public void Ignore(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
            _read.Add(_where + key);
    }

    /// <summary>Refuses a switch that is not where the engine needs it.</summary>
    public void RequireFlag(string key, bool value)
    {
        if (Bool(key, value) != value)
            throw Unsupported(key, value ? "true" : "false");
    }

    /// <summary>Whole numbers of at least <paramref name="minimum"/>; null where absent or null.</summary>
    public int[]? OptionalInts(string key, int minimum = 0) => OptionalNumbers(key)?.Select(number =>
        number == Math.Floor(number) && number >= minimum && number <= int.MaxValue
            ? (int)number
            : throw Invalid(key, $"a list of whole numbers of at least {minimum}")).ToArray();

    /// <summary>A list of numbers; null where absent or null.</summary>
    public double[]? OptionalNumbers(string key) => List(key, "a list of numbers", element =>
        element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out var number) ? number : null);

    /// <summary>A list of texts; null where absent or null.</summary>
    public string[]? OptionalTexts(string key)
    {
        if (!Has(key))
            return null;
        var value = Value(key)!.Value;
        return value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(element => element.AsText() ?? throw Bad(key, value, "a list of texts"))]
            : throw Bad(key, value, "a list of texts");
    }

    /// <summary>One token id or a list of them; empty where absent or null. Ids below 0 mean that there is none.</summary>
    public IReadOnlyList<int> TokenIds(string key)
    {
        if (!Has(key))
            return [];
        var value = Value(key)!.Value;
        var ids = value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : new List<JsonElement> { value };
        return ids.TrueForAll(id => id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out _))
            ? [.. ids.Select(id => id.GetInt32()).Where(id => id >= 0)]
            : throw Bad(key, value, "a token id or a list of them");
    }

    /// <summary>Names and values of a nested object whose values are texts, in file order; null where absent or null.</summary>
    public IReadOnlyList<(string Name, string Value)>? OptionalPairs(string key)
    {
        if (!Has(key))
            return null;
        var value = Value(key)!.Value;
        return value.ValueKind == JsonValueKind.Object
            ? [.. value.EnumerateObject().Select(pair => (pair.Name, pair.Value.AsText() ?? pair.Value.GetRawText()))]
            : throw Bad(key, value, "an object");
    }

    /// <summary>Refuses a value that is well-formed but that the engine does not compute.</summary>
    public ModelException Unsupported(string key, string valid) =>
        new(
            ModelError.UnsupportedValue,
            $"'{Path}': '{_where}{key}' is {Show(key)}, which the engine does not compute; it takes {valid}.",
            Path);

    /// <summary>Reports a value that cannot be meant.</summary>
    public ModelException Invalid(string key, string valid) =>
        new(ModelError.BadConfiguration, $"'{Path}': '{_where}{key}' is {Show(key)}; it must be {valid}.", Path);

    private double[]? List(string key, string valid, Func<JsonElement, double?> read)
    {
        if (!Has(key))
            return null;
        var value = Value(key)!.Value;
        if (value.ValueKind != JsonValueKind.Array)
            throw Bad(key, value, valid);
        return [.. value.EnumerateArray().Select(element => read(element) ?? throw Bad(key, value, valid))];
    }

    private JsonElement? Value(string key)
    {
        _read.Add(_where + key);
        if (_above is { } above && above.Key == key && above.Reader.Has(key))
            return above.Reader.Value(key);
        JsonElement? own = _root.TryGetProperty(key, out var value) ? value : null;
        return _otherNames is null || !_otherNames.Contains(key) ? own : UnderOneName(key, own);
    }

    private JsonElement? UnderOneName(string key, JsonElement? own)
    {
        foreach (var other in _otherNames![key])
        {
            _read.Add(_where + other);
            if (!_root.TryGetProperty(other, out var value) || value.ValueKind == JsonValueKind.Null)
                continue;
            if (own is { ValueKind: not JsonValueKind.Null } first && !JsonElement.DeepEquals(first, value))
                throw Bad(key, first, $"the same as '{_where}{other}' ({Short(value.GetRawText())}), which is another name for it");
            own = value;
        }

        return own;
    }

    private string Show(string key) => Value(key) is { } value ? Short(value.GetRawText()) : "absent";

    private static string Short(string text) => text.Length <= 60 ? text : text[..57] + "...";

    private ModelException Bad(string key, JsonElement value, string valid) =>
        new(ModelError.BadConfiguration, $"'{Path}': '{_where}{key}' is {Short(value.GetRawText())}; it must be {valid}.", Path);
}
