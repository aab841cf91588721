using System.Text.Json;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Adapters;

/// <summary>Writes adapters as PEFT does, and what they mean in double precision.</summary>
internal static class AdapterFolder
{
    public const string Prefix = "base_model.model.";

    /// <summary>Writes the folder.</summary>
    /// <param name="folder">Full path.</param>
    /// <param name="config">Members of adapter_config.json beside the kind.</param>
    /// <param name="tensors">Tensors, named without PEFT's prefix.</param>
    public static void Write(string folder, object config, params (string Name, RawTensor Tensor)[] tensors)
    {
        Directory.CreateDirectory(folder);
        var json = JsonSerializer.SerializeToNode(config)!.AsObject();
        json.TryAdd("peft_type", "LORA");
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), json.ToJsonString());
        TestCheckpoint.WriteFile(
            Path.Combine(folder, "adapter_model.safetensors"), [.. tensors.Select(tensor => (Prefix + tensor.Name, tensor.Tensor))]);
    }

    /// <summary>Random factors of a linear module.</summary>
    public static (string Name, RawTensor Tensor)[] Linear(string module, int seed, int rank, int outputs, int inputs) =>
        [
            ($"{module}.lora_A.weight", RandomTensors.F32(seed, rank, inputs)),
            ($"{module}.lora_B.weight", RandomTensors.F32(seed + 1, outputs, rank))
        ];

    /// <summary>W + s·B·A in row-major order, or W + s·(B·A)ᵀ.</summary>
    public static double[] Fused(RawTensor weight, RawTensor a, RawTensor b, double scale, bool transposed = false)
    {
        var (w, fa, fb) = (weight.Floats(), a.Floats(), b.Floats());
        var (rank, inputs, outputs) = ((int)a.Shape[0], (int)a.Shape[1], (int)b.Shape[0]);
        var result = Array.ConvertAll(w, value => (double)value);
        for (var o = 0; o < outputs; o++)
        {
            for (var i = 0; i < inputs; i++)
            {
                var sum = 0.0;
                for (var k = 0; k < rank; k++)
                    sum += (double)fb[(o * rank) + k] * fa[(k * inputs) + i];
                result[transposed ? (i * outputs) + o : (o * inputs) + i] += scale * sum;
            }
        }

        return result;
    }

    /// <summary>Checks that stored values are those numbers, within a rounding of their type and a few of the arithmetic.</summary>
    public static void AssertClose(double[] expected, RawTensor actual)
    {
        var relative = actual.DType switch { "F32" => 1e-6, "BF16" => 1.0 / 256, _ => 1.0 / 2048 };
        var absolute = actual.DType == "F16" ? 4e-8 : 2e-8;
        var floats = actual.Floats();
        Assert.Equal(expected.Length, floats.Length);
        for (var i = 0; i < floats.Length; i++)
            Assert.True(
                Math.Abs(expected[i] - floats[i]) <= (relative * Math.Abs(expected[i])) + absolute,
                $"element {i}: {floats[i]} instead of {expected[i]}");
    }
}
