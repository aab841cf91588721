using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Transformers.Configuration;

/// <summary>The published names of activation functions.</summary>
internal static class ActivationReader
{
    private static readonly Dictionary<string, ActivationKind> Names = new(StringComparer.Ordinal)
    {
        ["silu"] = ActivationKind.Silu,
        ["swish"] = ActivationKind.Silu,
        ["gelu"] = ActivationKind.Gelu,
        ["gelu_python"] = ActivationKind.Gelu,
        ["gelu_new"] = ActivationKind.GeluTanh,
        ["gelu_fast"] = ActivationKind.GeluTanh,
        ["gelu_accurate"] = ActivationKind.GeluTanh,
        ["gelu_pytorch_tanh"] = ActivationKind.GeluTanh,
        ["gelu_python_tanh"] = ActivationKind.GeluTanh,
        ["quick_gelu"] = ActivationKind.GeluSigmoid,
        ["relu"] = ActivationKind.Relu,
        ["relu2"] = ActivationKind.ReluSquared,
        ["relu6"] = ActivationKind.Relu6,
        ["leaky_relu"] = ActivationKind.LeakyRelu,
        ["gelu_10"] = ActivationKind.GeluClamped,
        ["tanh"] = ActivationKind.Tanh,
        ["sigmoid"] = ActivationKind.Sigmoid,
        ["mish"] = ActivationKind.Mish,
        ["linear"] = ActivationKind.Identity,
    };

    /// <summary>Reads a function's name.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="key">The key.</param>
    /// <param name="absent">The name where the key is absent or null.</param>
    public static ActivationKind Activation(this ConfigReader config, string key, string absent) =>
        Names.TryGetValue(config.OptionalText(key) ?? absent, out var kind)
            ? kind
            : throw config.Unsupported(key, string.Join(", ", Names.Keys));
}
