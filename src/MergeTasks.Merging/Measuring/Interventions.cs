using MergeTasks.Language.Importance;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Measuring;

/// <summary>Exchanges parts of the parameters between a base and its fine-tuned model and measures the effect.</summary>
/// <param name="baseModel">θ_b.</param>
/// <param name="tuned">θ_i.</param>
/// <param name="mode">Into which model parts are put.</param>
/// <param name="measure">The metric.</param>
internal sealed class Interventions(
    ITransformerModel baseModel, ITransformerModel tuned, InterventionMode mode, Func<ITransformerModel, double> measure)
{
    /// <summary>The name under which the results of a level with one list of parts are filed.</summary>
    internal const string Parts = "parts";

    private double? _untouched;

    private ITransformerModel Target => mode == InterventionMode.Restore ? baseModel : tuned;

    private ITransformerModel Donor => mode == InterventionMode.Restore ? tuned : baseModel;

    /// <summary>
    /// The effect of the fine-tuned values of some parameters: M(θ_b with them) − M(θ_b) for <see cref="InterventionMode.Restore"/>,
    /// M(θ_i) − M(θ_i without their change) for <see cref="InterventionMode.Ablate"/>.
    /// </summary>
    public double EffectOf(IEnumerable<string> parameters) =>
        EffectOf(parameters.ToDictionary(name => name, name => Donor.Parameters[name]));

    /// <summary>
    /// The parts of a level in the order in which they are exchanged, each with the list and the place where its effect is filed.
    /// </summary>
    /// <remarks>Layer by layer, so that what comes before a layer runs once for all parts from there on.</remarks>
    internal static IEnumerable<InterventionPart> PartsOf(DeltaPartition partition, PartitionLevel level) => level switch
    {
        PartitionLevel.Model => [new(Parts, 0, [.. Enumerable.Range(0, partition.Tensors.Count)], null)],
        PartitionLevel.Layer => partition.Layers.Select((layer, index) => new InterventionPart(Parts, index, layer.Tensors, null)),
        PartitionLevel.Tensor =>
            partition.Layers.SelectMany(layer => layer.Tensors).Select(tensor => new InterventionPart(Parts, tensor, [tensor], null)),
        _ => partition.Layers.SelectMany(layer => layer.Rows).SelectMany(group => Rows(partition, group)),
    };

    /// <summary>The effect of one part.</summary>
    internal double EffectOf(DeltaPartition partition, InterventionPart part)
    {
        var tensors = part.Tensors.Select(index => partition.Tensors[index]);
        return part.Unit is { } unit
            ? EffectOf(tensors.ToDictionary(tensor => tensor.Name, tensor => WithUnit(tensor, unit)))
            : EffectOf(tensors.Select(tensor => tensor.Name));
    }

    private static IEnumerable<InterventionPart> Rows(DeltaPartition partition, RowGroup group)
    {
        var list = partition.Tensors[group.Tensors[0]].Name;
        for (var unit = 0; unit < (group.IsOne ? 1 : group.Count); unit++)
            yield return new InterventionPart(list, unit, group.Tensors, group.IsOne ? null : unit);
    }

    private double EffectOf(IReadOnlyDictionary<string, ParameterValue> parameters)
    {
        using var changed = Target.Replacing(parameters);
        _untouched ??= measure(Target);
        var effect = measure(changed) - _untouched.Value;
        return mode == InterventionMode.Restore ? effect : -effect;
    }

    private ParameterValue WithUnit(DeltaTensor tensor, long unit)
    {
        var (values, donated) = (new float[tensor.Elements], new float[tensor.Elements]);
        Target.Parameters[tensor.Name].CopyTo(0, values);
        Donor.Parameters[tensor.Name].CopyTo(0, donated);
        for (var i = 0; i < values.Length; i++)
        {
            if (tensor.UnitOf(i) == unit)
                values[i] = donated[i];
        }

        return ParameterValue.FromSingles(tensor.Shape, values);
    }
}

/// <summary>A part that is exchanged.</summary>
/// <param name="List">The list in which its effect is filed.</param>
/// <param name="Place">Its place there.</param>
/// <param name="Tensors">Indices of the tensors that it is in.</param>
/// <param name="Unit">The unit that it consists of in each; <see langword="null"/>: all of them.</param>
internal sealed record InterventionPart(string List, int Place, IReadOnlyList<int> Tensors, long? Unit);
