using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// PCB-Merging (Du et al. 2024, arXiv 2410.02396), as in the authors' released code: parameters compete within and between models. With the
/// deltas τᵢ of all d merged parameters of the model, N models, sorted(x) ascending and norm(x) = (x − min x)/(max x − min x) (0 where all
/// are equal), each per model over the whole model: mᵢ = |τᵢ| clamped to [sorted(|τᵢ|)[⌊d·1e-4⌋], sorted(|τᵢ|)[⌊d(1 − 1e-4) − 1⌋]]; τ̂ᵢ =
/// sign(τᵢ)·mᵢ; βᵢ = exp(N·norm(mᵢ)²)·tanh(τᵢ·Σⱼ τⱼ); Sᵢ = norm(βᵢ clamped from below to sorted(βᵢ)[⌊d(1 − ratio)⌋]);
/// out = base + lambda·Σ weightᵢSᵢτ̂ᵢ/max(Σ Sᵢ, 1e-12).
/// </summary>
/// <remarks>
/// The clamps and norms belong to the whole model, so four rounds over all inputs come before the merge, and a change of any tensor changes
/// all.
/// Compatibility mode changes nothing, because mergekit does not have this method.
/// </remarks>
internal sealed class PcbMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "pcb";

    /// <inheritdoc/>
    public override string Summary => "Weighs each element of the deltas by how it competes within its model and with the others.";

    /// <inheritdoc/>
    public override string Source => "https://arxiv.org/abs/2410.02396";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        new(SharedParameters.Weight, 1, "Factor of the model's delta.") { PerModel = true },
        new("ratio", 0.1, "Share of a model's elements that take part, those that compete best.") { Minimum = 0, Maximum = 1 },
        new("lambda", 1, "Factor of the merged delta."),
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    internal override string? Conflict(IReadOnlyList<TensorContext> contexts) =>
        contexts.Select(context => context["ratio"]).Distinct().Count() > 1
        ? "'ratio' belongs to the whole model, so it cannot differ from tensor to tensor. Give it one number."
        : contexts.Select(context => context.ModelIndices().Length).Distinct().Count() > 1
            ? "the method 'pcb' compares whole models, so all parts of the output need the same number of models."
            : null;

    /// <inheritdoc/>
    internal override bool NeedsSurvey => true;

    /// <inheritdoc/>
    internal override ModelSurvey BeginSurvey(IReadOnlyList<TensorContext> contexts) => new PcbSurvey(contexts);

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) => new PcbMerge(context, (PcbSurvey)context.Survey!);
}
