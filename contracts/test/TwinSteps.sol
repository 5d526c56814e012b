// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Documents} from "../src/Documents.sol";
import {Authorization, Cash} from "./Base.sol";
import {Twins} from "./Twins.sol";

/// Random calls of ERC-20, ERC-2612 and ERC-3009 at both tokens.
///
/// These are the differences that we want, and that the calls keep clear of:
/// 1. No money goes to the ledger itself (ERC20InvalidReceiver); the model takes it.
/// 2. The supply ends at 2^96 - 1 and a mint needs a quota and a bank reference; mints stay below.
/// 3. Freeze and pause: the model has neither.
/// 4. ERC-3009 nonces that carry our tag are window nonces; to the model they are like any other.
/// 5. `validAfter` and `validBefore` are seconds; where both have bit 47, the model takes them for block numbers.
/// 6. A permit is good in bytes too, for ERC-1271 accounts as well; the model knows v, r, s alone, as ERC-2612 does.
/// 7. 64 bytes (EIP-2098) are a signature; the model gets the same one as v, r, s.
/// 8. An account with code (EIP-7702) still signs with its key, and an ERC-1271 account may sign in v, r, s; the model asks
///    one or the other. The smart account here accepts neither form.
/// 9. Permit nonces end at 2^32 - 1.
contract TwinSteps is Twins {
    enum Form {
        Parts,
        Bytes,
        Short
    }

    /// What a permit says, but for its nonce.
    struct Permit {
        address owner;
        address spender;
        uint256 value;
        uint256 deadline;
    }

    /// One signed document of ERC-3009, for both.
    struct Papers {
        Authorization a;
        uint256 kind;
        Signature ours;
        Signature theirs;
        Form form;
    }

    string[3] private _names = ["transferWithAuthorization", "receiveWithAuthorization", "cancelAuthorization"];

    bytes[] private _papers;
    uint256 private _bankRefs;
    address private _approver;
    address private _spender;

    constructor(Cash cash_) Twins(cash_) {}

    /// The richest actions are taken twice as often.
    function actions() external pure returns (bytes4[] memory all) {
        all = new bytes4[](10);
        (all[0], all[1], all[2]) = (this.transfer.selector, this.approve.selector, this.transferFrom.selector);
        (all[3], all[4], all[5]) = (this.permit.selector, this.authorize.selector, this.mint.selector);
        (all[6], all[7], all[8]) = (this.burn.selector, this.warp.selector, all[2]);
        all[9] = all[4];
    }

    /// A supply just below its cap, shared by all.
    function begin() external {
        for (uint256 i = 0; i < COUNT; ++i) {
            _mint(_people[i], i == 0 ? 2 ** 95 : 2 ** 92);
        }
    }

    // ------------------------------------------------------------------------------------------------ ERC-20

    function transfer(uint256 seed) external {
        ++steps;
        address from = anyone(seed, "from");
        both("transfer", from, abi.encodeCall(cash.transfer, (payee(seed), amount(from, seed))));
    }

    function approve(uint256 seed) external {
        ++steps;
        (_approver, _spender) = (anyone(seed, "owner"), anyone(seed, "spender"));
        address spender = isOneIn(16, seed, "nobody") ? address(0) : _spender;
        both("approve", _approver, abi.encodeCall(cash.approve, (spender, _allowance(seed))));
    }

    function transferFrom(uint256 seed) external {
        ++steps;
        bool isFresh = _approver == address(0) || isOneIn(6, seed, "fresh");
        (address from, address spender) =
            isFresh ? (anyone(seed, "from"), anyone(seed, "spender")) : (_approver, _spender);
        uint256 value = amount(from, seed);
        uint256 allowed = cash.allowance(from, spender);
        if (isOneIn(4, seed, "by allowance")) value = allowed == type(uint256).max ? value : allowed + value % 2;
        both("transferFrom", spender, abi.encodeCall(cash.transferFrom, (from, payee(seed), value)));
    }

    /// Sometimes the largest number, which is not used up, or one less, which is.
    function _allowance(uint256 seed) private view returns (uint256) {
        uint256 kind = roll(seed, "allowance kind") % 6;
        if (kind < 2) return type(uint256).max - kind;
        return kind == 2 ? roll(seed, "allowance") : roll(seed, "allowance") % 2 ** 94;
    }

    // ------------------------------------------------------------------------------------------------ ERC-2612

    function permit(uint256 seed) external {
        ++steps;
        (_approver, _spender) = (_people[roll(seed, "owner") % KEYED], anyone(seed, "spender"));
        Permit memory p = Permit(_approver, _spender, _allowance(seed), block.timestamp);
        if (isOneIn(16, seed, "nobody")) p.spender = address(0);
        if (isOneIn(6, seed, "edge")) p.deadline -= roll(seed, "late") % 2;
        else p.deadline += roll(seed, "deadline") % 1 days;
        uint256 nonce = cash.nonces(p.owner);
        if (isOneIn(8, seed, "other nonce")) nonce = nonce == 0 || isOneIn(2, seed, "next") ? nonce + 1 : nonce - 1;
        bytes32 structHash = Documents.permit(p.owner, p.spender, p.value, nonce, p.deadline);
        Hand how = hand(seed);
        Signature memory ours = sign(p.owner, cash.DOMAIN_SEPARATOR(), structHash, how);
        Signature memory theirs = sign(p.owner, model.DOMAIN_SEPARATOR(), structHash, how);
        both(
            "permit", anyone(seed, "caller"), _permitData(p, ours, _form(seed, how)), _permitData(p, theirs, Form.Parts)
        );
    }

    function _permitData(Permit memory p, Signature memory signature, Form form) private pure returns (bytes memory) {
        if (form == Form.Parts) {
            return abi.encodeWithSignature(
                "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
                p,
                signature.v,
                signature.r,
                signature.s
            );
        }
        bytes memory text = form == Form.Short ? short(signature) : signature.text;
        return abi.encodeWithSignature(
            "permit(address,address,uint256,uint256,bytes)", p.owner, p.spender, p.value, p.deadline, text
        );
    }

    /// The short form holds no other `v` than 27 and 28.
    function _form(uint256 seed, Hand how) private view returns (Form form) {
        form = Form(roll(seed, "form") % 3);
        if (form == Form.Short && how != Hand.Good && how != Hand.Forged) form = Form.Bytes;
    }

    // ------------------------------------------------------------------------------------------------ ERC-3009

    /// A transfer, a receive or a cancel; new, or delivered before.
    function authorize(uint256 seed) external {
        ++steps;
        bool isReplay = _papers.length != 0 && isOneIn(5, seed, "replay");
        if (!isReplay) _papers.push(abi.encode(_newPapers(seed)));
        uint256 which = isReplay ? roll(seed, "which") % _papers.length : _papers.length - 1;
        Papers memory papers = abi.decode(_papers[which], (Papers));
        address caller = isOneIn(6, seed, "caller") ? anyone(seed, "caller") : papers.a.to;
        Form modelForm = papers.form == Form.Short ? Form.Parts : papers.form;
        both(
            _names[papers.kind],
            caller,
            _data(papers, papers.ours, papers.form),
            _data(papers, papers.theirs, modelForm)
        );
        assertEq(
            cash.authorizationState(papers.a.from, papers.a.nonce),
            model.authorizationState(papers.a.from, papers.a.nonce),
            "authorization state"
        );
    }

    function _newPapers(uint256 seed) private view returns (Papers memory papers) {
        papers.kind = roll(seed, "kind") % 3;
        Authorization memory a = papers.a;
        (a.from, a.to) = (_people[roll(seed, "from") % (KEYED + 1)], payee(seed));
        a.value = amount(a.from, seed);
        a.validAfter = roll(seed, "after") % block.timestamp;
        a.validBefore = isOneIn(3, seed, "for ever") ? type(uint256).max : block.timestamp + roll(seed, "end") % 1 days;
        if (isOneIn(6, seed, "edge of start")) a.validAfter = block.timestamp + 1 - roll(seed, "start") % 3;
        if (isOneIn(6, seed, "edge of end")) a.validBefore = block.timestamp + 1 - roll(seed, "end") % 3;
        a.nonce = _nonce(seed);
        bytes32 structHash = _structHash(a, papers.kind);
        Hand how = hand(seed);
        papers.ours = sign(a.from, cash.DOMAIN_SEPARATOR(), structHash, how);
        papers.theirs = sign(a.from, model.DOMAIN_SEPARATOR(), structHash, how);
        papers.form = a.from == _people[KEYED] ? Form.Bytes : _form(seed, how);
    }

    /// Random, a counter, or milliseconds; few enough that some come twice.
    function _nonce(uint256 seed) private view returns (bytes32) {
        uint256 number = roll(seed, "nonce");
        if (number % 3 == 0) return keccak256(abi.encode(number % 8));
        return bytes32(number % 3 == 1 ? number % 40 : block.timestamp * 1_000 + number % 1_000);
    }

    function _structHash(Authorization memory a, uint256 kind) private pure returns (bytes32) {
        if (kind == 2) return Documents.cancelAuthorization(a.from, a.nonce);
        bytes32 typeHash =
            kind == 0 ? Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH : Documents.RECEIVE_WITH_AUTHORIZATION_TYPEHASH;
        return Documents.authorization(typeHash, a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce);
    }

    function _data(Papers memory papers, Signature memory signature, Form form) private view returns (bytes memory) {
        string memory fields =
            papers.kind == 2 ? "(address,bytes32," : "(address,address,uint256,uint256,uint256,bytes32,";
        string memory last = form == Form.Parts ? "uint8,bytes32,bytes32)" : "bytes)";
        bytes4 selector = bytes4(keccak256(abi.encodePacked(_names[papers.kind], fields, last)));
        if (form == Form.Parts) {
            return papers.kind == 2
                ? abi.encodeWithSelector(selector, papers.a.from, papers.a.nonce, signature.v, signature.r, signature.s)
                : abi.encodeWithSelector(selector, papers.a, signature.v, signature.r, signature.s);
        }
        bytes memory text = form == Form.Short ? short(signature) : signature.text;
        return papers.kind == 2
            ? abi.encodeWithSelector(selector, papers.a.from, papers.a.nonce, text)
            : abi.encodeWithSelector(selector, papers.a, text);
    }

    // ------------------------------------------------------------------------------------------------ supply, time

    function mint(uint256 seed) external {
        ++steps;
        vm.warp(block.timestamp + 1); // the quota is full again
        _mint(payee(seed), bound(roll(seed, "value"), 0, type(uint96).max - cash.totalSupply()));
    }

    function _mint(address to, uint256 value) private {
        bytes32 bankRef = keccak256(abi.encode(++_bankRefs));
        both("mint", ISSUER, abi.encodeCall(cash.mint, (to, value, bankRef)), abi.encodeCall(model.mint, (to, value)));
    }

    function burn(uint256 seed) external {
        ++steps;
        uint256 value = amount(ISSUER, seed);
        bytes32 bankRef = keccak256(abi.encode(++_bankRefs));
        both("burn", ISSUER, abi.encodeCall(cash.burn, (value, bankRef)), abi.encodeCall(model.burn, (ISSUER, value)));
    }

    function warp(uint256 seed) external {
        ++steps;
        vm.warp(block.timestamp + roll(seed, "seconds") % 1 hours);
        compare();
        tally("warp", true);
    }
}
