namespace MergeTasks.Bench.Study;

/// <summary>Chooses each method's and variant's settings on the even items, and measures the choice on the odd ones.</summary>
internal sealed class Study(Evaluator evaluator)
{
    public static IReadOnlyList<Variant> Variants { get; } = [Variant.None, Variant.Aim, Variant.Apl, Variant.Both];

    /// <summary>The models that everything is compared with.</summary>
    public static IReadOnlyList<Candidate> Originals { get; } = [.. new[] { "base", "code", "manual", "math" }.Select(Candidate.Of)];

    /// <summary>The setting whose nll in domain, relative to the best fine-tuned model's, is smallest on average over the three sets.</summary>
    public Candidate Choose(IReadOnlyList<Candidate> candidates)
    {
        var best = Means(Originals[0]).Keys.ToDictionary(set => set, set => Originals.Skip(1).Min(model => Means(model)[set]));
        return candidates.MinBy(candidate => Means(candidate).Average(mean => mean.Value / best[mean.Key]))!;

        Dictionary<string, double> Means(Candidate candidate) =>
            evaluator.Measure(candidate, HeldOutSet.InDomain, Half.Even).ToDictionary(pair => pair.Key, pair => pair.Value.Nll.Average());
    }

    /// <summary>Measures models on the odd items; the originals are among them.</summary>
    public IReadOnlyList<StudyRow> Report(IReadOnlyList<Candidate> chosen)
    {
        var originals = Originals.ToDictionary(model => model.Models[0], model => Nll(Scores(model)));
        var best = HeldOutSet.InDomain.ToDictionary(set => set, set => originals.Values.Skip(1).Select(nll => nll[set]).MinBy(nll => nll.Value)!);
        return [.. Originals.Concat(chosen).Select(candidate =>
        {
            var scores = Scores(candidate);
            var nll = Nll(scores);
            return new StudyRow(
                candidate,
                nll,
                Estimate.MeanOf(scores[HeldOutSet.Problems].Exact, Seed(HeldOutSet.Problems)),
                Estimate.Average([.. HeldOutSet.InDomain.Select(set => nll[set] / best[set])]),
                Estimate.Average([.. HeldOutSet.BaseDomain.Select(set => nll[set] - originals["base"][set])]));
        })];

        Dictionary<string, ItemScores> Scores(Candidate candidate) => evaluator.Measure(candidate, HeldOutSet.All, Half.Odd);
    }

    private static Dictionary<string, Estimate> Nll(Dictionary<string, ItemScores> scores) => scores.ToDictionary(pair => pair.Key, pair => Estimate.MeanOf(pair.Value.Nll, Seed(pair.Key)));

    private static int Seed(string set) => HeldOutSet.All.ToList().IndexOf(set);
}
