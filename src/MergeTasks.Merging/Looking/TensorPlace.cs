using MergeTasks.Checkpoints.Naming;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Looking;

/// <summary>Where a tensor lies in a model, as two coordinates that a table or picture can have.</summary>
/// <param name="Stack">The stack of layers, such as <c>model.layers</c>; empty for tensors outside of one.</param>
/// <param name="Layer">The layer in it; <see langword="null"/> outside of one.</param>
/// <param name="Kind">What the tensor is within its layer, such as <c>mlp.up_proj</c>; outside of one, its name without
/// <c>.weight</c>.</param>
internal sealed record TensorPlace(string Stack, int? Layer, string Kind)
{
    private const string Weight = ".weight";

    /// <summary>The layer for people: <c>layers.3</c>, or the tensor's own name outside of one.</summary>
    public string LayerName => Layer is { } layer ? $"{Stack[(Stack.LastIndexOf('.') + 1)..]}.{layer}" : Kind;

    /// <summary>The places of a model's tensors.</summary>
    public static Func<string, TensorPlace> In(ModelInput model)
    {
        var stacks = LayerRun.Of(model.Names);
        return name => stacks.FirstOrDefault(stack => stack.LayerOf(name) is not null) is { } own
            ? new TensorPlace(own.Prefix.TrimEnd('.'), own.LayerOf(name), Short(own.SuffixOf(name)[1..]))
            : new TensorPlace("", null, Short(name));
    }

    private static string Short(string name) =>
        name.EndsWith(Weight, StringComparison.Ordinal) && name.Length > Weight.Length ? name[..^Weight.Length] : name;
}
