namespace MergeTasks.Checkpoints.Pickled;

/// <summary>
/// The functions that a checkpoint's pickle may name, and what they stand for here. Nothing is imported and nothing is called: each is a
/// few lines that make a tensor's description or a dictionary. Whatever else a pickle names is refused by its name.
/// </summary>
internal static class TorchGlobals
{
    private const string Dictionary = "collections.OrderedDict";
    private const string Parameter = "torch._utils._rebuild_parameter";
    private const string Size = "torch.Size";

    // PyTorch's own limit.
    private const int MostDimensions = 64;

    private static readonly HashSet<string> Rebuilding = new(StringComparer.Ordinal)
    {
        "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2",
    };

    private static readonly HashSet<string> Storages = new(StringComparer.Ordinal)
    {
        "torch.FloatStorage", "torch.HalfStorage", "torch.BFloat16Storage", "torch.DoubleStorage", "torch.LongStorage", "torch.IntStorage",
        "torch.ShortStorage", "torch.CharStorage", "torch.ByteStorage", "torch.BoolStorage",
    };

    /// <summary>A name, if it is one of those that may be mentioned.</summary>
    /// <exception cref="PickleException">It is not.</exception>
    public static PickledGlobal Find(string name) =>
        name is Dictionary or Parameter or Size || Rebuilding.Contains(name) || Storages.Contains(name)
            ? new PickledGlobal(name)
            : throw new PickleException(
                $"would have Python load '{name}' when it is opened, which is none of what tensors need; such files can run code",
                isRefused: true);

    /// <summary>What a call of it stands for.</summary>
    /// <param name="global">What is called.</param>
    /// <param name="arguments">With what.</param>
    /// <exception cref="PickleException">The arguments are none that a checkpoint has.</exception>
    public static object? Call(PickledGlobal global, IReadOnlyList<object?> arguments)
    {
        switch (global.Name)
        {
            case Dictionary when arguments.Count == 0:
                return new PickledDictionary();
            case Dictionary when arguments is [List<object?> pairs]:
                var dictionary = new PickledDictionary();
                foreach (var pair in pairs)
                    dictionary.Pairs.Add(pair is object?[] { Length: 2 } two ? (two[0], two[1]) : throw Bad(global));
                return dictionary;
            case Size when arguments is [object?[] sizes]:
                return sizes;
            case Parameter when arguments is [PickledTensor tensor, ..]:
                return tensor;
            case var name when Rebuilding.Contains(name)
                && arguments is [PickledStorage storage, long first, object?[] shape, object?[] strides, ..]:
                return new PickledTensor(storage, first, Numbers(global, shape), Numbers(global, strides));
            default:
                throw Bad(global);
        }
    }

    /// <summary>The storage that a persistent id means.</summary>
    /// <exception cref="PickleException">It means none.</exception>
    public static PickledStorage Storage(object? id) =>
        id is object?[] { Length: >= 5 } parts
            && parts[0] is "storage" && parts[1] is PickledGlobal type && Storages.Contains(type.Name)
            && parts[2] is string key && parts[4] is long count && count >= 0
            ? new PickledStorage(type.Name, key, count)
            : throw new PickleException("refers to something outside that is no storage of a tensor");

    // A tuple that is remembered may be named as often as the pickle likes, and each tensor has a copy.
    private static long[] Numbers(PickledGlobal global, object?[] values) => values.Length > MostDimensions ? throw Bad(global) :
        [.. values.Select(value => value is long number && number >= 0 ? number : throw Bad(global))];

    private static PickleException Bad(PickledGlobal global) => new($"calls '{global.Name}' with what that does not take");
}
