using System.Text;
using System.Text.Json;

namespace MergeTasks.Merging.Tests.Mutated;

/// <summary>
/// Makes other files of a JSON text: values of other kinds and extremes, keys that come twice, are missing or are another's, deep nesting,
/// text that is none, and bytes that are changed, cut off or put in. The same for the same seed.
/// </summary>
internal sealed class JsonMutation(int seed)
{
    private static readonly string[] Values =
    [
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1",
        "0.5",
        "1e999",
        "-1e999",
        "1e-999",
        "2147483647",
        "2147483648",
        "-2147483649",
        "9223372036854775807",
        "9223372036854775808",
        "123456789012345678901234567890", "\"\"", "\"x\"", "\"\\ud800\"", "\"\\udc00x\"", "\"\\u0000\"", "\"../x\"", "\"a/b\"",
        "\"C:\\\\x\"", "\"NaN\"", "\"Infinity\"", "[]", "{}", "[[]]", "[{}]", "{\"\":{}}", "[null]",
        "\"((((\"", "\"[\"", "\"(a+)+$\"", "\"default\"", "NaN", "-", "1e", "tru", "\"\\x\"",
    ];

    private readonly Random _random = new(seed);

    /// <summary>Another text: mostly one change of its structure, sometimes several, sometimes one of its bytes.</summary>
    public byte[] Of(string text)
    {
        using var document = JsonDocument.Parse(text);
        var root = Node.Of(document.RootElement);
        for (var changes = _random.Next(5) == 0 ? _random.Next(1, 6) : 1; changes > 0; changes--)
            Change(root);
        var bytes = Encoding.UTF8.GetBytes(root.ToString()).ToList();
        switch (_random.Next(12))
        {
            case 0:
                bytes.RemoveRange(_random.Next(bytes.Count), 0);
                bytes = bytes[.._random.Next(bytes.Count + 1)];
                break;
            case 1:
                bytes.Insert(_random.Next(bytes.Count + 1), (byte)_random.Next(0x80, 0x100));
                break;
            case 2:
                bytes[_random.Next(bytes.Count)] = (byte)_random.Next(0x100);
                break;
            case 3:
                bytes.InsertRange(0, [0xEF, 0xBB, 0xBF]);
                break;
            case 4:
                bytes.AddRange(bytes[_random.Next(bytes.Count)..]);
                break;
        }

        return [.. bytes];
    }

    private void Change(Node root)
    {
        var nodes = root.All().ToList();
        var node = nodes[_random.Next(nodes.Count)];
        switch (_random.Next(9))
        {
            case 0 or 1 or 2:
                node.Become(Values[_random.Next(Values.Length)]);
                break;
            case 3 when node.Members.Count > 0:
                node.Members.RemoveAt(_random.Next(node.Members.Count));
                break;
            case 4 when node.Members.Count > 0:
                node.Members.Insert(_random.Next(node.Members.Count + 1), node.Members[_random.Next(node.Members.Count)]);
                break;
            case 5 when node.Members.Count > 0:
                var at = _random.Next(node.Members.Count);
                node.Members[at] =
                    (_random.Next(3) switch
                    {
                        0 => "\"\\ud800\"",
                        1 => "\"\"",
                        _ => nodes.SelectMany(other => other.Members).Select(member => member.Key).Append("\"x\"").ElementAt(0)
                    }, node.Members[at].Value);
                break;
            case 6:
                node.Become(_random.Next(2) == 0 ? $"[{node}]" : $"{{\"a\":{node}}}");
                break;
            case 7:
                node.Become(string.Concat(Enumerable.Repeat("[", 70)) + node + string.Concat(Enumerable.Repeat("]", 70)));
                break;
            case 8:
                node.Become(
                    _random.Next(2) == 0
                        ? "\"" + new string('x', 100_000) + "\""
                        : "[" + string.Join(',', Enumerable.Repeat("1", 20_000)) + "]");
                break;
            default:
                node.Become(nodes[_random.Next(nodes.Count)].ToString());
                break;
        }
    }

    private sealed class Node
    {
        private string _text = "";
        private char _kind = 'v';

        /// <summary>Members, or items without a key.</summary>
        public List<(string Key, Node Value)> Members { get; private init; } = [];

        public static Node Of(JsonElement json) => json.ValueKind switch
        {
            JsonValueKind.Object =>
                new Node
                {
                    _kind = '{',
                    Members = [.. json.EnumerateObject().Select(member => (JsonSerializer.Serialize(member.Name), Of(member.Value)))]
                },
            JsonValueKind.Array => new Node { _kind = '[', Members = [.. json.EnumerateArray().Select(item => ("", Of(item)))] },
            _ => new Node { _text = json.GetRawText() },
        };

        public IEnumerable<Node> All() => Members.SelectMany(member => member.Value.All()).Prepend(this);

        public void Become(string text)
        {
            (_kind, _text) = ('v', text);
            Members.Clear();
        }

        public override string ToString() => _kind switch
        {
            '{' => $"{{{string.Join(',', Members.Select(member => $"{(member.Key.Length == 0 ? "\"\"" : member.Key)}:{member.Value}"))}}}",
            '[' => $"[{string.Join(',', Members.Select(member => member.Value))}]",
            _ => _text,
        };
    }
}
