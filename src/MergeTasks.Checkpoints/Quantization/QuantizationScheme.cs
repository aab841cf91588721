using System.Text.Json;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Checkpoints.Quantization;

/// <summary>The names of quantisation schemes, as configurations and tensors tell them.</summary>
internal static class QuantizationScheme
{
    /// <summary>What to do with a model that is refused.</summary>
    public const string Advice =
        "Read are FP8 with scales and MXFP4. Name the model before it was quantised, or let the library that quantised it save it "
            + "dequantised.";

    // What the tensors of these schemes are called beside, or in the place of, '.weight'.
    private static readonly (string Part, string Scheme)[] Signs =
    [
        (".quant_state.bitsandbytes__", "bitsandbytes, 4 bit"),
        (".weight.absmax", "bitsandbytes, 4 bit"),
        (".weight.quant_map", "bitsandbytes, 4 bit"),
        (".SCB", "bitsandbytes, 8 bit"),
        (".weight_format", "bitsandbytes, 8 bit"),
        (".g_idx", "GPTQ"),
        (".qweight", "GPTQ or AWQ"),
        (".qzeros", "GPTQ or AWQ"),
        (".weight_packed", "compressed-tensors, packed numbers"),
        (".weight_scale_2", "NVFP4"),
        (".weight_global_scale", "NVFP4"),
        (".W_q", "HQQ"),
        (".codebooks", "AQLM"),
        (".Qidxs", "QuIP#"),
    ];

    /// <summary>The first scheme whose tensors are there, with one of them.</summary>
    public static (string Scheme, TensorInfo Tensor)? SignIn(IReadOnlyList<TensorInfo> tensors)
    {
        foreach (var (part, scheme) in Signs)
        {
            var sign = part[^1] == '_' ? tensors.FirstOrDefault(tensor => tensor.Name.Contains(part, StringComparison.Ordinal))
                : tensors.FirstOrDefault(tensor => tensor.Name.EndsWith(part, StringComparison.Ordinal));
            if (sign is not null)
                return (scheme, sign);
        }

        return null;
    }

    /// <summary>The scheme that a configuration declares; <see langword="null"/> where it declares none.</summary>
    public static string? NameOf(JsonElement? quantization)
    {
        if (quantization is not { ValueKind: JsonValueKind.Object } how)
            return null;
        var method = how.TryGetProperty("quant_method", out var name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;
        return method?.ToUpperInvariant() switch
        {
            null => how.TryGetProperty("load_in_4bit", out var four) && four.ValueKind == JsonValueKind.True ? "bitsandbytes" : null,
            "GPTQ" or "AWQ" or "HQQ" or "AQLM" or "EETQ" => method!.ToUpperInvariant(),
            _ => method,
        };
    }
}
