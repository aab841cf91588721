using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace MergeTasks.Language.Recipes;

/// <summary>
/// Refuses YAML whose nesting would exhaust the stack or whose aliases would exhaust memory ("billion laughs") before any of it is
/// expanded.
/// </summary>
internal static class RecipeLimits
{
    private const int MaxDepth = 64;
    private const long MaxNodes = 200_000;

    /// <summary>Reads through a text without building anything.</summary>
    /// <exception cref="YamlException">Not YAML, nested too deeply, or too large once its aliases are replaced.</exception>
    public static void Check(string text)
    {
        // There the parser would take the text to end.
        if (text.IndexOf('\0', StringComparison.Ordinal) is var at and >= 0)
        {
            var before = text.AsSpan(0, at);
            var mark = new Mark(at, before.Count('\n') + 1, at - before.LastIndexOf('\n'));
            throw new YamlException(mark, mark, "it holds a NUL character");
        }

        var parser = new Parser(new StringReader(text));
        var sizes = new Dictionary<AnchorName, long>();
        var open = new Stack<(AnchorName Anchor, long Before)>();
        var nodes = 0L;
        while (MoveNext(parser))
        {
            var current = parser.Current!;
            switch (current)
            {
                case MappingStart or SequenceStart:
                    open.Push((((NodeEvent)current).Anchor, nodes++));
                    break;
                case MappingEnd or SequenceEnd:
                    var (anchor, before) = open.Pop();
                    Define(anchor, nodes - before);
                    break;
                case Scalar scalar:
                    nodes++;
                    Define(scalar.Anchor, 1);
                    break;
                case AnchorAlias alias:
                    // An anchor that is still open contains itself.
                    if (!sizes.TryGetValue(alias.Value, out var size))
                        throw new YamlException(
                            alias.Start, alias.End, $"the alias '*{alias.Value.Value}' stands for nothing that is complete before it");
                    nodes += size;
                    break;
            }

            if (open.Count > MaxDepth)
                throw new YamlException(current.Start, current.End, $"it is nested more than {MaxDepth} levels deep");
            if (nodes > MaxNodes)
                throw new YamlException(current.Start, current.End, $"with its aliases replaced it has more than {MaxNodes} nodes");
        }

        static bool MoveNext(Parser parser)
        {
            var reached = parser.Current?.End ?? Mark.Empty;
            try
            {
                return parser.MoveNext();
            }
            catch (InvalidOperationException e)
            {
                // How the parser reports some unfinished flow collections.
                throw new YamlException(reached, reached, "something after this is unfinished", e);
            }
        }

        void Define(AnchorName anchor, long size)
        {
            if (!anchor.IsEmpty)
                sizes[anchor] = size;
        }
    }
}
