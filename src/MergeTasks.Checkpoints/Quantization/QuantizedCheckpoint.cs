using System.Text.Json;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Checkpoints.Quantization;

/// <summary>
/// What of a checkpoint is stored as codes and scales. The tensors decide that, not what <c>config.json</c> says: FP8 with scales and MXFP4
/// are read, any other quantisation is refused by its name.
/// </summary>
internal sealed class QuantizedCheckpoint
{
    // Scales of activations and of the cache of keys and values, which a model that is not quantised has no use for.
    private static readonly string[] ActivationScales =
    [
        ".input_scale",
        ".output_scale",
        ".act_scale",
        ".activation_scale",
        ".input_scale_ub",
        ".input_activation_scale",
        ".q_scale",
        ".k_scale",
        ".v_scale",
        ".kv_scale",
        ".prob_scale",
        ".k_proj.output_scale", ".v_proj.output_scale", ".input_zero_point", ".output_zero_point",
        // Single files for image models: the scale of the inputs, and the empty tensor that says which kind of FP8 the file has.
        ".scale_input",
        "scaled_fp8",
    ];

    private readonly HashSet<string> _parts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, QuantizedTensor> _tensors = new(StringComparer.Ordinal);

    private QuantizedCheckpoint()
    {
    }

    /// <summary>The quantised weights by their names.</summary>
    public IReadOnlyDictionary<string, QuantizedTensor> Tensors => _tensors;

    /// <summary>Names of stored tensors that are no weights of their own: codes of another name, scales.</summary>
    public IReadOnlySet<string> Parts => _parts;

    /// <summary>Looks at a checkpoint.</summary>
    /// <returns><see langword="null"/> where neither a tensor is quantised nor the configuration says so.</returns>
    /// <exception cref="CheckpointException"><see cref="CheckpointError.RefusedQuantization"/>.</exception>
    public static QuantizedCheckpoint? Of(Checkpoint checkpoint, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ArgumentNullException.ThrowIfNull(config);
        var found = new QuantizedCheckpoint();
        var infos = checkpoint.Names.Select(name => checkpoint.Find(name)!).ToList();
        if (QuantizationScheme.SignIn(infos) is { } sign)
            throw Refused(checkpoint, config, sign.Scheme, sign.Tensor);
        foreach (var info in infos)
            found.Look(checkpoint, config, info);
        foreach (var info in infos.Where(info => !found._parts.Contains(info.Name) && !found._tensors.ContainsKey(info.Name)))
            RequirePlain(checkpoint, config, info);
        if (found._tensors.Count == 0 && config.Quantization is null)
            return null;
        found._parts.UnionWith(
            infos.Select(info => info.Name)
                .Where(name => Array.Exists(ActivationScales, suffix => name.EndsWith(suffix, StringComparison.Ordinal))));
        return found;
    }

    private void Look(Checkpoint checkpoint, ModelConfig config, TensorInfo info)
    {
        if (info.DType is DType.F8E4M3 or DType.F8E5M2)
        {
            var scales = ScaleNames(info.Name).Select(checkpoint.Find).OfType<TensorInfo>().ToList();
            if (scales is [var only])
                Add(
                    new QuantizedTensor(
                        info.Name,
                        QuantizedFormat.ScaledFloat8,
                        info,
                        only,
                        info.Shape,
                        BlocksOf(info, only, config) ?? throw Misfit(checkpoint, info, only)));
            else if (scales.Count > 1 || config.Quantization is not null)
                throw Refused(
                    checkpoint, config, scales.Count > 1 ? "FP8 with several scales for one tensor" : "FP8 without a scale", info);
        }
        else if (info.Name.EndsWith("_blocks", StringComparison.Ordinal) && info.DType == DType.U8
            && checkpoint.Find(info.Name[..^"_blocks".Length] + "_scales") is { DType: DType.U8 or DType.F8E8M0 } scales)
        {
            if (info.Shape.Count is not (3 or 4)
                || info.Shape[^1] != QuantizedTensor.BlockBytes
                || !scales.Shape.SequenceEqual(info.Shape.SkipLast(1)))
                throw Misfit(checkpoint, info, scales);
            var columns = info.Shape[^2] * QuantizedTensor.BlockLength;
            long[] shape = info.Shape.Count == 3 ? [info.Shape[0], columns] : [info.Shape[0], columns, info.Shape[1]];
            Add(new QuantizedTensor(info.Name[..^"_blocks".Length], QuantizedFormat.MicroscaledFloat4, info, scales, shape, []));
        }
    }

    private void Add(QuantizedTensor tensor)
    {
        _tensors[tensor.Name] = tensor;
        _parts.Add(tensor.Scales.Name);
        if (tensor.Codes.Name != tensor.Name)
            _parts.Add(tensor.Codes.Name);
    }

    // Names of scales by which the codes are multiplied; 'inv' because they are the inverse of what the weights were divided by.
    private static IEnumerable<string> ScaleNames(string name)
    {
        yield return name + "_scale_inv";
        yield return name + "_scale";
        if (name.EndsWith(".weight", StringComparison.Ordinal))
        {
            yield return name[..^"weight".Length] + "scale";
            yield return name[..^"weight".Length] + "scale_weight";
        }
    }

    // One scale for all; else one for each so many elements of each dimension.
    private static long[]? BlocksOf(TensorInfo codes, TensorInfo scales, ModelConfig config)
    {
        if (!scales.DType.IsFloatingPoint()
            && scales.DType != DType.F8E8M0
            && !(scales.DType == DType.U8 && config.Quantization is { } how && IsPowerOfTwo(how)))
            return null;
        if (scales.ElementCount == 1)
            return [.. codes.Shape.Select(size => Math.Max(1, size))];
        var shape = scales.Shape;
        if (shape.Count == 1 && codes.Shape.Count > 1 && shape[0] == codes.Shape[0])
            shape = [shape[0], .. codes.Shape.Skip(1).Select(_ => 1L)];
        if (shape.Count != codes.Shape.Count)
            return null;
        var declared = BlockSizes(config);
        var blocks = new long[shape.Count];
        for (var d = 0; d < blocks.Length; d++)
        {
            var (size, count) = (codes.Shape[d], shape[d]);
            if (count == 1 || count == size)
            {
                blocks[d] = count == 1 ? Math.Max(1, size) : 1;
                continue;
            }

            var fromEnd = blocks.Length - 1 - d;
            long[] candidates = [
                .. fromEnd < declared.Count ? [declared[^(fromEnd + 1)]] : Array.Empty<long>(),
                128,
                .. count > 0 && size % count == 0 ? [size / count] : Array.Empty<long>()
            ];
            if (count == 0
                || Array.Find(candidates, block => block > 0 && (size + block - 1) / block == count) is not (> 0 and var fitting))
                return null;
            blocks[d] = fitting;
        }

        return blocks;
    }

    private static bool IsPowerOfTwo(JsonElement quantization) =>
        quantization.TryGetProperty("scale_fmt", out var format)
            && format.ValueKind == JsonValueKind.String
            && format.GetString() == "ue8m0";

    // 'weight_block_size' of FP8 models, 'block_structure' of compressed-tensors.
    private static List<long> BlockSizes(ModelConfig config) =>
        config.Quantization is not { } quantization ? []
        : Sizes(quantization, "weight_block_size")
            ?? (quantization.TryGetProperty("config_groups", out var groups) && groups.ValueKind == JsonValueKind.Object
            ? groups.EnumerateObject()
                .Select(group =>
                    group.Value.ValueKind == JsonValueKind.Object
                        && group.Value.TryGetProperty("weights", out var weights)
                        && weights.ValueKind == JsonValueKind.Object
                ? Sizes(weights, "block_structure") : null).FirstOrDefault(sizes => sizes is not null) : null) ?? [];

    private static List<long>? Sizes(JsonElement owner, string key) =>
        owner.TryGetProperty(key, out var list) && list.ValueKind == JsonValueKind.Array
            ? [
                .. list.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt64(out var size) ? size : 0)
            ] : null;

    // A weight of whole numbers, or any tensor of them with a scale of its own, is a code of something; a scale beside a plain
    // weight is part of what is not understood.
    private static void RequirePlain(Checkpoint checkpoint, ModelConfig config, TensorInfo info)
    {
        var isCode = info.Shape.Count > 1
            && (info.Name.EndsWith(".weight", StringComparison.Ordinal)
                || ScaleNames(info.Name).Any(name => checkpoint.Find(name) is not null))
            && info.DType is (DType.U8 or DType.I8 or DType.U16 or DType.I16 or DType.U32 or DType.I32);
        var isScale = info.Name.EndsWith(".weight_scale", StringComparison.Ordinal)
            || info.Name.EndsWith(".scale_weight", StringComparison.Ordinal)
            || info.Name.EndsWith(".weight_scale_inv", StringComparison.Ordinal)
            || info.DType == DType.F8E8M0;
        if (isCode || isScale)
            throw Refused(checkpoint, config, isCode ? "an unknown scheme of whole numbers" : "a scale without FP8 codes", info);
    }

    private static CheckpointException Misfit(Checkpoint checkpoint, TensorInfo codes, TensorInfo scales) =>
        new(CheckpointError.RefusedQuantization, checkpoint.Folder,
        $"'{checkpoint.Folder}' is quantised in a way that is not known: '{codes.Name}' "
        + $"is {codes.DType.SafetensorsName()} {codes.ShapeText} and its scale "
        + $"'{scales.Name}' {scales.DType.SafetensorsName()} {scales.ShapeText}. "
        + QuantizationScheme.Advice);

    private static CheckpointException Refused(Checkpoint checkpoint, ModelConfig config, string found, TensorInfo example)
    {
        var declared = QuantizationScheme.NameOf(config.Quantization);
        return new CheckpointException(CheckpointError.RefusedQuantization, checkpoint.Folder,
            $"'{checkpoint.Folder}' is quantised "
            + $"by {(declared is null || found.StartsWith(declared, StringComparison.OrdinalIgnoreCase) ? found : $"{declared} ({found})")}: "
            + $"'{example.Name}' is {example.DType.SafetensorsName()} {example.ShapeText}, and its numbers are no "
            + $"weights. {QuantizationScheme.Advice}");
    }
}
