namespace MergeTasks.Transformers.Blocks;

/// <summary>
/// The router of Phi-3.5 MoE (arXiv 2409.12136) as it is run: the best expert, then the best of the others and so on; each one's weight is
/// its share of the softmax over those scores of the experts left that lie near its own.
/// </summary>
internal static class SparseMixer
{
    /// <summary>The experts, best first.</summary>
    public static int[] Choose(float[] scores, int count) =>
        [.. Enumerable.Range(0, scores.Length).OrderByDescending(expert => scores[expert]).Take(count)];

    /// <summary>For each chosen expert the softmax that its weight is taken from, over all experts.</summary>
    public static double[][] Weights(float[] scores, int[] chosen, double tolerance) =>
        [.. chosen.Select((expert, i) =>
        {
            var best = (double)scores[expert];
            var shares = scores.Select((score, other) =>
                chosen.AsSpan(0, i).Contains(other) || (best - score) / Math.Max(Math.Abs(score), best) > tolerance
                    ? 0
                    : Math.Exp(score - best)).ToArray();
            var sum = shares.Sum();
            return Array.ConvertAll(shares, share => share / sum);
        })];

    /// <summary>The gradient of the scores from that of the weights.</summary>
    public static double[] Backward(float[] scores, int[] chosen, double tolerance, float[] dWeights)
    {
        var slopes = new double[scores.Length];
        foreach (var (i, shares) in Weights(scores, chosen, tolerance).Index())
        {
            var d = dWeights[chosen[i]] * shares[chosen[i]];
            for (var expert = 0; expert < slopes.Length; expert++)
                slopes[expert] += d * ((expert == chosen[i] ? 1 : 0) - shares[expert]);
        }

        return slopes;
    }
}
