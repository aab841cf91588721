using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>What the configurations of sparse mixtures share.</summary>
internal static class Experts
{
    /// <summary>Reads how many experts there are, and how many see a token.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="countKey">The key of the number of experts.</param>
    /// <param name="count">Their number where it is absent.</param>
    /// <param name="perToken">How many see a token where the key is absent.</param>
    /// <param name="perTokenKey">The key of that.</param>
    public static (int Count, int PerToken) Read(
        ConfigReader config, string countKey, int count, int perToken, string perTokenKey = "num_experts_per_tok")
    {
        count = config.Int(countKey, count);
        perToken = config.Int(perTokenKey, perToken);
        return perToken <= count ? (count, perToken) : throw config.Invalid(perTokenKey, $"at most '{countKey}' ({count})");
    }

    /// <summary>
    /// A mixture of gated experts under <c>experts.0</c>, <c>experts.1</c> and so on, or in stacks <c>experts.gate_up_proj</c> and
    /// <c>experts.down_proj</c> of the same arithmetic, gates before the rest.
    /// </summary>
    /// <param name="at">Module name.</param>
    /// <param name="hidden">Channels of the residual stream.</param>
    /// <param name="inner">Inner channels of an expert.</param>
    /// <param name="count">Number of experts.</param>
    /// <param name="activation">Of the experts.</param>
    /// <param name="routing">Which see a token.</param>
    /// <param name="names">What the router, gates, first and second matrices are called.</param>
    public static MixtureSpec Mixture(
        string at, int hidden, int inner, int count, ActivationKind activation, RoutingSpec routing, ExpertNames? names = null)
    {
        var named = names ?? ExpertNames.Usual;
        return new MixtureSpec(
            new($"{at}.{named.Router}", hidden, count),
            [.. Enumerable.Range(0, count).Select(expert => Own($"{at}.experts.{expert}"))],
            routing)
        {
            Stacked = [.. Enumerable.Range(0, count).Select(expert => OfStack(new(expert, count)))],
        };

        MlpSpec Own(string expert) =>
            new(new($"{expert}.{named.Up}", hidden, inner), new($"{expert}.{named.Down}", inner, hidden), activation)
            {
                Gate = new($"{expert}.{named.Gate}", hidden, inner),
            };

        MlpSpec OfStack(StackPlace place)
        {
            var (up, down) = ($"{at}.experts.gate_up_proj", $"{at}.experts.down_proj");
            return new MlpSpec(
                new(up, hidden, 2 * inner) { Weight = up, Stack = place },
                new(down, inner, hidden) { Weight = down, Stack = place },
                activation)
            {
                GateInUp = GatePlace.FirstHalf,
            };
        }
    }

    /// <summary>DeepSeek V3's routing: sigmoids, a correction for the choice only, groups ranked by their two best.</summary>
    public static RoutingSpec GroupedSigmoids(ConfigReader config, int count, int perToken, RoutingSpec absent) =>
        Grouped(config, count, new(perToken, RouterFunction.Sigmoid)
        {
            Renormalised = config.Bool("norm_topk_prob", true) ? 1e-20 : null,
            Factor = config.Double("routed_scaling_factor", absent.Factor),
            Groups = config.Int("n_group", absent.Groups),
            ChosenGroups = config.Int("topk_group", absent.ChosenGroups),
            RankingWeights = 2,
        });

    /// <summary>Checks the groups of a routing.</summary>
    public static RoutingSpec Grouped(ConfigReader config, int count, RoutingSpec routing)
    {
        if (count % routing.Groups != 0)
            throw config.Invalid("n_group", $"a divisor of the {count} experts");
        if (routing.ChosenGroups > routing.Groups || routing.ChosenGroups * (count / routing.Groups) < routing.PerToken)
            throw config.Invalid("topk_group", $"at most 'n_group' ({routing.Groups}), with at least {routing.PerToken} experts");
        return routing;
    }
}

/// <summary>The names of a mixture's matrices.</summary>
/// <param name="Router">The router, inside the mixture.</param>
/// <param name="Gate">The gate, inside an expert.</param>
/// <param name="Up">The first matrix.</param>
/// <param name="Down">The second one.</param>
internal sealed record ExpertNames(string Router, string Gate, string Up, string Down)
{
    /// <summary>Those that most families have.</summary>
    public static ExpertNames Usual { get; } = new("gate", "gate_proj", "up_proj", "down_proj");

    /// <summary>Those of Mixtral.</summary>
    public static ExpertNames Numbered { get; } = new("gate", "w1", "w3", "w2");
}
