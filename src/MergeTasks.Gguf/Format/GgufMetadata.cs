using System.Text;

namespace MergeTasks.Gguf.Format;

/// <summary>The keys and values of a GGUF file in their order, as they are written.</summary>
internal sealed class GgufMetadata
{
    private readonly List<(string Key, object Value)> _entries = [];

    /// <summary>The entries.</summary>
    public IReadOnlyList<(string Key, object Value)> Entries => _entries;

    /// <summary>A value; <see langword="null"/> where the key is absent.</summary>
    public object? this[string key] => _entries.Find(entry => entry.Key == key).Value;

    /// <summary>Adds an unsigned number, which is how the format gives counts, sizes and ids.</summary>
    public void Add(string key, uint value) => _entries.Add((key, value));

    /// <inheritdoc cref="Add(string, uint)"/>
    public void Add(string key, int value) => Add(key, checked((uint)value));

    /// <summary>Adds a number.</summary>
    public void Add(string key, double value) => _entries.Add((key, (float)value));

    /// <summary>Adds a flag.</summary>
    public void Add(string key, bool value) => _entries.Add((key, value));

    /// <summary>Adds a text.</summary>
    public void Add(string key, string value) => _entries.Add((key, value));

    /// <summary>Adds a list of texts.</summary>
    public void Add(string key, string[] value) => _entries.Add((key, value));

    /// <summary>Adds a list of whole numbers.</summary>
    public void Add(string key, int[] value) => _entries.Add((key, value));

    /// <summary>Adds bytes.</summary>
    public void Add(string key, byte[] value) => _entries.Add((key, value));

    /// <summary>Adds a list of numbers.</summary>
    public void Add(string key, float[] value) => _entries.Add((key, value));

    /// <summary>Writes keys, types and values.</summary>
    public void WriteTo(BinaryWriter writer)
    {
        foreach (var (key, value) in _entries)
        {
            Write(writer, key);
            var type = TypeOf(value);
            writer.Write((uint)type);
            if (value is Array list)
            {
                var element = value switch
                {
                    string[] => GgufValueType.Text,
                    int[] => GgufValueType.Int32,
                    byte[] => GgufValueType.UInt8,
                    _ => GgufValueType.Float32,
                };
                writer.Write((uint)element);
                writer.Write((ulong)list.Length);
                foreach (var item in list)
                    WriteOne(writer, item);
            }
            else
            {
                WriteOne(writer, value);
            }
        }
    }

    /// <summary>Writes a text: its length in bytes, then UTF-8.</summary>
    public static void Write(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static GgufValueType TypeOf(object value) => value switch
    {
        uint => GgufValueType.UInt32,
        float => GgufValueType.Float32,
        bool => GgufValueType.Bool,
        string => GgufValueType.Text,
        Array => GgufValueType.List,
        _ => throw new ArgumentException($"{value.GetType()} is no type of metadata.", nameof(value)),
    };

    private static void WriteOne(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case byte number:
                writer.Write(number);
                break;
            case uint number:
                writer.Write(number);
                break;
            case int number:
                writer.Write(number);
                break;
            case float number:
                writer.Write(number);
                break;
            case bool flag:
                writer.Write(flag);
                break;
            case string text:
                Write(writer, text);
                break;
        }
    }
}

/// <summary>Types of metadata values, by the format's numbers.</summary>
internal enum GgufValueType
{
    /// <summary>Unsigned, 8 bits.</summary>
    UInt8,

    /// <summary>Signed, 8 bits.</summary>
    Int8,

    /// <summary>Unsigned, 16 bits.</summary>
    UInt16,

    /// <summary>Signed, 16 bits.</summary>
    Int16,

    /// <summary>Unsigned, 32 bits.</summary>
    UInt32,

    /// <summary>Signed, 32 bits.</summary>
    Int32,

    /// <summary>binary32.</summary>
    Float32,

    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>A length of 64 bits, then UTF-8.</summary>
    Text,

    /// <summary>The elements' type, a count of 64 bits, then the elements.</summary>
    List,

    /// <summary>Unsigned, 64 bits.</summary>
    UInt64,

    /// <summary>Signed, 64 bits.</summary>
    Int64,

    /// <summary>binary64.</summary>
    Float64,
}
