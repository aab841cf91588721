using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// Fisher merging (Matena and Raffel 2022, arXiv 2111.09832): θ = Σ λᵢ(Fᵢ + ε)θᵢ ÷ Σ λᵢ(Fᵢ + ε) per element, λᵢ the model's <c>weight</c>,
/// Fᵢ the diagonal of its Fisher information on its own task (<see cref="ModelStatistic.Fisher"/>). Tensors that the model does not use
/// have none: there θ = Σ λᵢθᵢ ÷ Σ λᵢ.
/// </summary>
/// <remarks>
/// Fᵢ are not normalised by their length over the model, which some implementations do by default. Where all Fᵢ + ε are zero the mean is
/// taken. Compatibility mode changes nothing, because mergekit does not have this method.
/// </remarks>
internal sealed class FisherMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "fisher";

    /// <inheritdoc/>
    public override string Summary => "Average of the models' parameters, each weighted by how much its model's task depends on it.";

    /// <inheritdoc/>
    public override string Source => "https://arxiv.org/abs/2111.09832";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        new(SharedParameters.Weight, 1, "The model's share.") { PerModel = true, Minimum = 0 },
        new("epsilon", 1e-6, "Added to the information of every parameter.") { Minimum = 0 },
    ];

    /// <inheritdoc/>
    internal override ModelStatistic Statistic => ModelStatistic.Fisher;

    /// <inheritdoc/>
    public override string? Conflict(TensorContext context) => WeightSum.Conflict(context, null);

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) => new Merging(context);

    private sealed class Merging(TensorContext context) : TensorMerge
    {
        public override int? CopyOf => context.Inputs.Count == 1 ? 0 : null;

        public override void Merge(MergeBlock block)
        {
            Span<double> sums = stackalloc double[BlockLength];
            Span<double> divisors = stackalloc double[BlockLength];
            Span<double> means = stackalloc double[BlockLength];
            sums.Clear();
            divisors.Clear();
            means.Clear();
            var total = context.Inputs.Sum(input => input[SharedParameters.Weight]);
            for (var model = 0; model < context.Inputs.Count; model++)
            {
                var input = context.Inputs[model];
                var values = block.Load(model, 0);
                ReadOnlySpan<float> information = input.Statistic is { } statistic ? block.Load(statistic, 1) : [];
                for (var i = 0; i < values.Length; i++)
                {
                    var weight = input[SharedParameters.Weight] * (information.IsEmpty ? 1 : information[i] + context["epsilon"]);
                    sums[i] += weight * values[i];
                    divisors[i] += weight;
                    means[i] += values[i] * (input[SharedParameters.Weight] / total);
                }
            }

            for (var i = 0; i < block.Count; i++)
                block.Output[i] = (float)(divisors[i] > 0 ? sums[i] / divisors[i] : means[i]);
        }
    }
}
