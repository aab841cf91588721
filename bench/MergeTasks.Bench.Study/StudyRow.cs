namespace MergeTasks.Bench.Study;

/// <summary>A chosen merge, or a model as it is, on the half of the items that nothing was chosen on.</summary>
/// <param name="Candidate">What it is.</param>
/// <param name="Nll">Mean over items of the mean −ln p, by set.</param>
/// <param name="Exact">Share of problems answered exactly.</param>
/// <param name="InDomain">Mean over the sets in domain of the nll relative to the best fine-tuned model's.</param>
/// <param name="Forgetting">Mean over the base's own sets of the nll above the base's.</param>
internal sealed record StudyRow(Candidate Candidate, IReadOnlyDictionary<string, Estimate> Nll, Estimate Exact, Estimate InDomain, Estimate Forgetting);
