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

    /// <summary>The effects of all parts of a level.</summary>
    internal IEnumerable<(string Name, double[] Values)> Run(DeltaPartition partition, PartitionLevel level) => level switch
    {
        PartitionLevel.Model => [(Parts, [EffectOf(partition.Tensors.Select(tensor => tensor.Name))])],
        PartitionLevel.Layer =>
            [(Parts, [.. partition.Layers.Select(layer => EffectOf(layer.Tensors.Select(index => partition.Tensors[index].Name)))])],
        PartitionLevel.Tensor => [(Parts, Tensors(partition))],
        _ =>
            partition.Layers
                .SelectMany(layer => layer.Rows)
                .Select(group => (partition.Tensors[group.Tensors[0]].Name, Rows(partition, group).ToArray()))
                .ToList(),
    };

    // Layer by layer, so that what comes before a layer runs once for all tensors from there on.
    private double[] Tensors(DeltaPartition partition)
    {
        var effects = new double[partition.Tensors.Count];
        foreach (var tensor in partition.Layers.SelectMany(layer => layer.Tensors))
            effects[tensor] = EffectOf([partition.Tensors[tensor].Name]);
        return effects;
    }

    private double EffectOf(IReadOnlyDictionary<string, ParameterValue> parameters)
    {
        using var changed = Target.Replacing(parameters);
        _untouched ??= measure(Target);
        var effect = measure(changed) - _untouched.Value;
        return mode == InterventionMode.Restore ? effect : -effect;
    }

    private IEnumerable<double> Rows(DeltaPartition partition, RowGroup group)
    {
        List<DeltaTensor> tensors = [.. group.Tensors.Select(index => partition.Tensors[index])];
        if (group.IsOne)
        {
            yield return EffectOf(tensors.Select(tensor => tensor.Name));
            yield break;
        }

        for (var unit = 0L; unit < group.Count; unit++)
        {
            var own = unit;
            yield return EffectOf(tensors.ToDictionary(tensor => tensor.Name, tensor => WithUnit(tensor, own)));
        }
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
