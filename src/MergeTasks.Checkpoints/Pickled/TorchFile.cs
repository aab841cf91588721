using System.Numerics;
using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Checkpoints.Pickled;

/// <summary>A tensor of a file that PyTorch wrote.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DType">Element type.</param>
/// <param name="Shape">Dimensions.</param>
/// <param name="Offset">First byte, from the beginning of the file.</param>
internal sealed record StoredView(string Name, DType DType, IReadOnlyList<long> Shape, long Offset);

/// <summary>
/// Finds the tensors in a file of <c>torch.save</c>: a zip archive with a pickle and a file for each storage, or (before PyTorch 1.6)
/// several pickles and then the storages. Either way elements lie as they are, so the weights are read where they lie, and only the pickle
/// is looked at (<see cref="PickleReader"/>).
/// </summary>
internal static class TorchFile
{
    private const int LargestPickle = 256 << 20;
    private const string Pickle = "data.pkl";

    private static readonly BigInteger Magic = BigInteger.Parse("119547037146038801333356");

    // Where trainers put the weights among other things.
    private static readonly string[] Inside = ["state_dict", "model", "module", "model_state_dict"];

    private static readonly Dictionary<string, DType> Types = new(StringComparer.Ordinal)
    {
        ["torch.FloatStorage"] = DType.F32,
        ["torch.HalfStorage"] = DType.F16,
        ["torch.BFloat16Storage"] = DType.BF16,
        ["torch.DoubleStorage"] = DType.F64,
        ["torch.LongStorage"] = DType.I64,
        ["torch.IntStorage"] = DType.I32,
        ["torch.ShortStorage"] = DType.I16,
        ["torch.CharStorage"] = DType.I8,
        ["torch.ByteStorage"] = DType.U8,
        ["torch.BoolStorage"] = DType.Bool,
    };

    /// <summary>Lists the tensors by place.</summary>
    /// <param name="read">Fills memory from a position of the file.</param>
    /// <param name="length">Bytes of the file.</param>
    /// <exception cref="PickleException">The file is damaged, or is more than weights.</exception>
    public static IReadOnlyList<StoredView> Tensors(ReadBytes read, long length)
    {
        var start = new byte[(int)Math.Min(length, 4)];
        read(0, start);
        var (root, storages) = start.AsSpan().StartsWith("PK\x03\x04"u8) ? OfArchive(read, length) : OfPickles(read, length);
        var views = new List<StoredView>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (key, value) in WeightsIn(root).Pairs)
        {
            if (value is not PickledTensor tensor)
                continue;
            if (key is not string name || !names.Add(name))
                throw new PickleException($"has a tensor under {(key is string ? $"the name '{key}' twice" : "no name")}");
            views.Add(View(name, tensor, storages));
        }

        return views.Count > 0 ? [.. views.OrderBy(view => view.Offset)]
            : throw new PickleException("holds no dictionary of tensors by name");
    }

    private static PickledDictionary WeightsIn(object? root)
    {
        if (root is not PickledDictionary dictionary)
            throw new PickleException("holds no dictionary of tensors by name");
        return Inside.Select(key => dictionary[key]).OfType<PickledDictionary>()
            .FirstOrDefault(inside => inside.Pairs.Exists(pair => pair.Value is PickledTensor)) ?? dictionary;
    }

    private static (object? Root, Func<PickledStorage, long> OffsetOf) OfArchive(ReadBytes read, long length)
    {
        var entries = ZipEntries.Of(read, length);
        var pickle = entries.Keys.FirstOrDefault(name => name.EndsWith("/" + Pickle, StringComparison.Ordinal))
            ?? throw new PickleException($"is a zip archive without a '{Pickle}', and so none that PyTorch wrote");
        var folder = pickle[..^Pickle.Length];
        if (entries.TryGetValue(folder + "byteorder", out var order) && order.Length == 3)
        {
            var text = new byte[3];
            read(order.Offset, text);
            if (text.AsSpan().SequenceEqual("big"u8))
                throw new PickleException("has its bytes in the order of another kind of machine (big-endian)");
        }

        var (offset, size) = entries[pickle];
        if (size > LargestPickle)
            throw new PickleException($"has a pickle of {size} bytes");
        var bytes = new byte[size];
        read(offset, bytes);
        return (new PickleReader(bytes).Read(), storage =>
            entries.TryGetValue($"{folder}data/{storage.Key}", out var entry)
                && UInt128.CreateChecked(storage.Count) * (uint)SizeOf(storage) <= UInt128.CreateChecked(entry.Length)
                ? entry.Offset
                : throw new PickleException($"lacks the elements of the storage '{storage.Key}'"));
    }

    // Magic, version, what machine, the value, the storages' keys; then each storage's length and elements.
    private static (object? Root, Func<PickledStorage, long> OffsetOf) OfPickles(ReadBytes read, long length)
    {
        var bytes = new byte[(int)Math.Min(length, LargestPickle)];
        read(0, bytes);
        var reader = new PickleReader(bytes);
        if (bytes is not [0x80, ..])
            throw new PickleException("is no file of torch.save (it begins with neither a zip archive nor a pickle)");
        if (reader.Read() is not BigInteger magic || magic != Magic || reader.Read() is not 1001L)
            throw new PickleException("is no file of torch.save (it begins with neither a zip archive nor PyTorch's magic number)");
        reader.Read();
        var root = reader.Read();
        var keys = reader.Read() as List<object?> ?? throw new PickleException("has no list of storages");
        var sizes = new Dictionary<string, PickledStorage>(StringComparer.Ordinal);
        foreach (var storage in WeightsIn(root).Pairs.Select(pair => pair.Value).OfType<PickledTensor>().Select(tensor => tensor.Storage))
            sizes.TryAdd(storage.Key, storage);
        var offsets = new Dictionary<string, long>(StringComparer.Ordinal);
        var position = (long)reader.Position;
        var field = new byte[8];
        foreach (var key in keys.Select(key => key as string ?? throw new PickleException("has a storage without a name")))
        {
            // Elements that no weight uses have no type here, so what follows them cannot be found.
            if (!sizes.TryGetValue(key, out var storage))
            {
                if (offsets.Count == sizes.Count)
                    break;
                throw new PickleException("mixes weights with other tensors in PyTorch's oldest format; save the weights alone");
            }

            if (position > length - field.Length)
                throw new PickleException("ends before its elements; it looks truncated");
            read(position, field);
            var count = BitConverter.ToInt64(field);
            position += field.Length;
            if (count != storage.Count || UInt128.CreateChecked(count) * (uint)SizeOf(storage) > UInt128.CreateChecked(length - position))
                throw new PickleException($"lacks the elements of the storage '{key}'");
            offsets[key] = position;
            position += count * SizeOf(storage);
        }

        return (root, storage => offsets.TryGetValue(storage.Key, out var offset)
            ? offset : throw new PickleException($"lacks the elements of the storage '{storage.Key}'"));
    }

    private static StoredView View(string name, PickledTensor tensor, Func<PickledStorage, long> offsetOf)
    {
        var count = UInt128.One;
        if (tensor.Shape.Count != tensor.Strides.Count)
            throw new PickleException($"has the tensor '{name}' with {tensor.Shape.Count} dimensions and {tensor.Strides.Count} strides");
        for (var i = tensor.Shape.Count - 1; i >= 0; i--)
        {
            if (tensor.Shape[i] > 1 && UInt128.CreateChecked(tensor.Strides[i]) != count && !tensor.Shape.Contains(0))
            {
                throw new PickleException(
                    $"has the tensor '{name}' as a view whose elements do not lie one after the other; save it with .contiguous()");
            }

            count *= UInt128.CreateChecked(tensor.Shape[i]);
            if (count > (ulong)long.MaxValue)
                throw new PickleException($"has the tensor '{name}' with more elements than any file");
        }

        var type = Types[tensor.Storage.Type];
        var offset = offsetOf(tensor.Storage);
        if (UInt128.CreateChecked(tensor.First) + count > UInt128.CreateChecked(tensor.Storage.Count))
            throw new PickleException($"has the tensor '{name}' reach beyond its storage");
        return new StoredView(name, type, tensor.Shape, offset + tensor.First * type.Size());
    }

    private static int SizeOf(PickledStorage storage) => Types[storage.Type].Size();
}
